import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { EventStore } from './event-store.ts';
import { faultsError } from './query-request.ts';

const seconds = z.number().int().nonnegative().max(32_503_680_000);
const markerSchema = z.object({
  start_time: seconds.nullish(),
  end_time: seconds.nullish(),
  message: z.string().max(10_000).nullish(),
  type: z.string().max(255).nullish(),
  url: z.string().max(2_000).nullish(),
});

const COLUMNS = 'id, start_time, end_time, message, type, url, created, updated';
/** Markers of all datasets are kept under the name that the API has for them. */
export const ALL = '__all__';

/** Honeycomb's markers: moments (epoch seconds) noted on the charts of a dataset or of all. */
export class Markers {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async list(dataset: string): Promise<object[]> {
    const { rows } = await this.#store.read(
      `SELECT ${COLUMNS} FROM markers WHERE dataset = $1 ORDER BY start_time, id`,
      [dataset],
    );
    return rows.map(toJson);
  }

  async get(dataset: string, id: string): Promise<object> {
    const { rows } = await this.#store.read(`SELECT ${COLUMNS} FROM markers WHERE dataset = $1 AND id = $2`, [
      dataset,
      id,
    ]);
    const [row] = rows;
    if (!row) throw new ApiError(404, 'Marker not found');
    return toJson(row);
  }

  async create(dataset: string, body: unknown): Promise<object> {
    const marker = parse(body);
    const id = randomBytes(6).toString('hex');
    const now = Math.floor(Date.now() / 1000);
    await this.#store.execute('INSERT INTO markers VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
      id,
      dataset,
      BigInt(marker.start_time ?? now),
      marker.end_time == null ? null : BigInt(marker.end_time),
      marker.message ?? '',
      marker.type ?? '',
      marker.url ?? '',
      BigInt(now),
      BigInt(now),
    ]);
    return this.get(dataset, id);
  }

  async update(dataset: string, id: string, body: unknown): Promise<object> {
    const marker = parse(body);
    await this.get(dataset, id);
    await this.#store.execute(
      `UPDATE markers SET start_time = coalesce($3, start_time), end_time = coalesce($4, end_time),
         message = coalesce($5, message), type = coalesce($6, type), url = coalesce($7, url), updated = $8
       WHERE dataset = $1 AND id = $2`,
      [
        dataset,
        id,
        marker.start_time == null ? null : BigInt(marker.start_time),
        marker.end_time == null ? null : BigInt(marker.end_time),
        marker.message ?? null,
        marker.type ?? null,
        marker.url ?? null,
        BigInt(Math.floor(Date.now() / 1000)),
      ],
    );
    return this.get(dataset, id);
  }

  async remove(dataset: string, id: string): Promise<void> {
    await this.get(dataset, id);
    await this.#store.execute('DELETE FROM markers WHERE dataset = $1 AND id = $2', [dataset, id]);
  }
}

function parse(body: unknown): z.infer<typeof markerSchema> {
  const parsed = markerSchema.safeParse(body);
  if (!parsed.success) throw faultsError(parsed.error);
  return parsed.data;
}

function toJson(row: readonly unknown[]): object {
  const [id, start, end, message, type, url, created, updated] = row;
  const time = (value: unknown) => new Date(Number(value) * 1000).toISOString().replace('.000Z', 'Z');
  return {
    id,
    start_time: Number(start),
    ...(end !== null && { end_time: Number(end) }),
    message,
    type,
    url,
    created_at: time(created),
    updated_at: time(updated),
  };
}
