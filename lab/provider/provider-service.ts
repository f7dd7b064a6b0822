import { createHash } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import plugin from '@pulumi/pulumi/proto/plugin_pb.js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import struct from 'google-protobuf/google/protobuf/struct_pb.js';
import type { CloudClient, Properties } from './cloud-client.ts';
import { DEFAULTS, type DiffKind, diffInputs } from './diff.ts';
import { invokeFunction } from './functions.ts';
import { type CheckFailure, type ResourceType, resourceType } from './resource-types.ts';

/** The engine warns when a provider is older than the SDK that the program was written against. */
const VERSION = '7.48.0';

const KINDS: Readonly<Record<DiffKind, 0 | 1 | 2 | 3 | 4 | 5>> = {
  add: messages.PropertyDiff.Kind.ADD,
  'add-replace': messages.PropertyDiff.Kind.ADD_REPLACE,
  delete: messages.PropertyDiff.Kind.DELETE,
  'delete-replace': messages.PropertyDiff.Kind.DELETE_REPLACE,
  update: messages.PropertyDiff.Kind.UPDATE,
  'update-replace': messages.PropertyDiff.Kind.UPDATE_REPLACE,
};

/**
 * Pulumi's ResourceProvider service on top of lab/cloud. The SDK's own `provider.main` is not used because it cannot answer
 * with a detailed diff, which the real provider does and which a reviewer of a preview reads.
 */
export function resourceProvider(cloud: CloudClient): grpc.UntypedServiceImplementation {
  return {
    getPluginInfo: unary(async () => {
      const info = new plugin.PluginInfo();
      info.setVersion(VERSION);
      return info;
    }),
    configure: unary(async () => {
      const response = new messages.ConfigureResponse();
      // Without acceptSecrets the engine hands out plain values and keeps the secret mark on outputs of the same name itself.
      response.setSupportspreview(true);
      return response;
    }),
    cancel: unary(async () => new empty.Empty()),
    check: unary(check),
    diff: unary(diff),
    create: unary((request: messages.CreateRequest) => create(cloud, request)),
    read: unary((request: messages.ReadRequest) => read(cloud, request)),
    update: unary((request: messages.UpdateRequest) => update(cloud, request)),
    delete: unary(async (request: messages.DeleteRequest) => {
      await cloud.delete(typeOf(request.getUrn()), refOf(request.getId(), objectOf(request.getProperties())));
      return new empty.Empty();
    }),
    invoke: unary(async (request: messages.InvokeRequest) => {
      const response = new messages.InvokeResponse();
      response.setReturn(structOf(invokeFunction(request.getTok(), objectOf(request.getArgs()))));
      return response;
    }),
  };
}

async function check(request: messages.CheckRequest): Promise<messages.CheckResponse> {
  const type = resourceType(typeOf(request.getUrn()));
  const inputs = named(type, request);
  const response = new messages.CheckResponse();
  response.setInputs(structOf(inputs));
  const missing: CheckFailure[] = type.required
    .filter((property) => inputs[property] === undefined)
    .map((property) => ({ property, reason: `Missing required argument: "${property}"` }));
  response.setFailuresList(
    [...missing, ...(type.check?.(inputs) ?? [])].map(({ property, reason }) => {
      const failure = new messages.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

/** The inputs with a name: the program's own, else the one it already has, else its logical name with a random end. */
function named(type: ResourceType, request: messages.CheckRequest): Properties {
  const news = objectOf(request.getNews());
  delete news[DEFAULTS];
  if (type.autoName === undefined) return news;
  const { property, maxLength } = type.autoName;
  if (news[property] !== undefined) return news;
  const olds = objectOf(request.getOlds());
  // The engine's seed is the same in a preview and in the update that follows its plan.
  const end = createHash('sha256').update(request.getRandomseed_asU8()).digest('hex').slice(0, 7);
  const fresh = `${(request.getUrn().split('::').at(-1) ?? '').slice(0, maxLength - 8)}-${end}`;
  return { ...news, [property]: olds[property] ?? fresh, [DEFAULTS]: [property] };
}

async function diff(request: messages.DiffRequest): Promise<messages.DiffResponse> {
  const type = resourceType(typeOf(request.getUrn()));
  const ignored = request.getIgnorechangesList();
  const found = diffInputs(type, objectOf(request.getOldInputs()), objectOf(request.getNews()), ignored);
  const response = new messages.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  response.setChanges(found.changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(found.changed);
  response.setReplacesList(found.replaces);
  response.setDeletebeforereplace(found.deleteBeforeReplace);
  response.setStablesList(found.replaces.length > 0 ? [] : ['arn']);
  response.setHasdetaileddiff(true);
  for (const [path, kind] of found.detailed) {
    const property = new messages.PropertyDiff();
    property.setKind(KINDS[kind]);
    property.setInputdiff(true);
    response.getDetaileddiffMap().set(path, property);
  }
  return response;
}

async function create(cloud: CloudClient, request: messages.CreateRequest): Promise<messages.CreateResponse> {
  const inputs = objectOf(request.getProperties());
  const response = new messages.CreateResponse();
  if (request.getPreview()) {
    // Whatever is not among these is unknown until it is made.
    response.setProperties(structOf(inputs));
    return response;
  }
  const created = await cloud.create(typeOf(request.getUrn()), inputs);
  response.setId(created.id);
  response.setProperties(structOf(created.properties));
  return response;
}

async function update(cloud: CloudClient, request: messages.UpdateRequest): Promise<messages.UpdateResponse> {
  const olds = objectOf(request.getOlds());
  const news = objectOf(request.getNews());
  const response = new messages.UpdateResponse();
  if (request.getPreview()) {
    const computed = { ...olds };
    for (const input of Object.keys(objectOf(request.getOldInputs()))) delete computed[input];
    response.setProperties(structOf({ ...computed, ...news }));
    return response;
  }
  const updated = await cloud.update(typeOf(request.getUrn()), refOf(request.getId(), olds), news);
  response.setProperties(structOf(updated.properties));
  return response;
}

/** An empty answer says that the resource is gone. */
async function read(cloud: CloudClient, request: messages.ReadRequest): Promise<messages.ReadResponse> {
  const response = new messages.ReadResponse();
  const ref = refOf(request.getId(), objectOf(request.getProperties()));
  const found = await cloud.read(typeOf(request.getUrn()), ref);
  if (found === undefined) return response;
  const known = request.hasInputs() ? objectOf(request.getInputs()) : found.inputs;
  const inputs = Object.entries(known).map(([key, value]) => [key, found.properties[key] ?? value]);
  response.setId(found.id);
  response.setInputs(structOf(Object.fromEntries(inputs)));
  response.setProperties(structOf(found.properties));
  return response;
}

/** `urn:pulumi:stack::project::parentType$type::name` → `type`. */
function typeOf(urn: string): string {
  return urn.split('::')[2]?.split('$').at(-1) ?? '';
}

/** The cloud knows resources by their ARN where they have one. */
function refOf(id: string, properties: Properties): string {
  return typeof properties['arn'] === 'string' ? properties['arn'] : id;
}

function objectOf(message: struct.Struct | undefined): Properties {
  return (message?.toJavaScript() ?? {}) as Properties;
}

function structOf(properties: Properties): struct.Struct {
  // By way of JSON, because a Struct has no `undefined`.
  return struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));
}

/** A unary gRPC method from an async function; what it throws becomes the call's error with the message alone. */
function unary<Request, Response>(
  method: (request: Request) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    method(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => {
        callback({
          code: grpc.status.UNKNOWN,
          details: error instanceof Error ? error.message : String(error),
        });
      },
    );
  };
}
