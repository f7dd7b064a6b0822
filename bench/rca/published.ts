/** Figures that others published on the same incidents, as shares of cases; see the papers named. */
export interface Published {
  readonly method: string;
  readonly on: string;
  readonly top1: number;
  readonly top3: number | null;
}

/** By the data that they are about: systems whose spans have instances and faults injected, and a map of services. */
export const PUBLISHED: readonly Published[] = [
  {
    method: 'Nezha (FSE’23; traces, metrics, logs)',
    on: 'Nezha OnlineBoutique, all kinds',
    top1: 0.9286,
    top3: 0.9643,
  },
  {
    method: 'Nezha, the latency kinds',
    on: 'Nezha OnlineBoutique, cpu + network',
    top1: 40 / 42,
    top3: null,
  },
  { method: 'SimpleRCA (FSE’26)', on: 'Nezha OnlineBoutique, all kinds', top1: 0.91, top3: 0.91 },
  { method: 'PDiagnose', on: 'Nezha OnlineBoutique, all kinds', top1: 0.4107, top3: 0.7321 },
  { method: 'MicroRank (traces)', on: 'Nezha OnlineBoutique, all kinds', top1: 0.4107, top3: 0.4821 },
  { method: 'IDI (ICLR’25)', on: 'PetShop test split, latency', top1: 0.9, top3: 0.9 },
  { method: 'Traversal', on: 'PetShop test split, latency (low, high)', top1: 0.85, top3: 0.85 },
  { method: 'CIRCA', on: 'PetShop test split, latency', top1: 0.6, top3: 0.9 },
  { method: 'Correlation', on: 'PetShop, availability (low)', top1: 0.75, top3: 0.92 },
  { method: 'Correlation', on: 'PetShop, availability (high)', top1: 0.83, top3: 0.92 },
];
