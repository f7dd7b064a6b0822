import { z } from 'zod';
import { Problem } from '../../problem.ts';
import { line, plain, sizeOf } from '../answer.ts';
import { withoutSecrets } from '../secrets.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { sourceInWords } from './list-resources.ts';
import { chooseStack } from './stack-choice.ts';

/** Characters that inputs and outputs may take each. */
const PROPERTIES_CHARACTERS = 3_000;

export const getResource = defineTool({
  name: 'get_resource',
  title: 'Read a resource',
  description:
    'Inputs, outputs and dependencies of one resource as the state has them; secrets are replaced.',
  input: z.strictObject({ urn: z.string().max(1_000) }),
  output: z.object({
    urn: z.string(),
    type: z.string(),
    name: z.string(),
    protect: z.boolean(),
    source: z.string().optional(),
    dependencies: z.array(z.string()),
    inputs: z.looseObject({}),
    outputs: z.looseObject({}).describe('Only what differs from inputs'),
    cut: z.array(z.string()),
  }),
  annotations: READ_ONLY,
  shortenable: ['dependencies'],
  async handler({ urn }, { runtime, signal }) {
    const source = await runtime.stacks();
    const [, name, project] = /^urn:pulumi:([^:]+)::([^:]+)::/.exec(urn) ?? [];
    if (name === undefined) {
      throw new Problem('bad-input', 'That is not a URN.', 'Give a urn as list_resources answers it.');
    }
    const stacks = await source.stacks(signal);
    const fqn = stacks.find((stack) => stack.name === name && stack.project === project)?.fqn;
    const snapshot = await source.snapshot(await chooseStack(runtime, fqn ?? name, signal), signal);
    const resource = snapshot.resources.find((candidate) => candidate.urn === urn);
    if (!resource) {
      throw new Problem(
        'not-found',
        `The state has no resource ${line(urn, 300)}.`,
        'List the resources: list_resources.',
      );
    }
    const inputs = fittingProperties(withoutSecrets(resource.inputs), 'inputs');
    const outputs = fittingProperties(
      differing(withoutSecrets(resource.outputs), withoutSecrets(resource.inputs)),
      'outputs',
    );
    return {
      urn: resource.urn,
      type: resource.type,
      name: resource.name,
      protect: resource.protect,
      ...(resource.source ? { source: sourceInWords(resource.source) } : {}),
      dependencies: [...resource.dependencies],
      inputs: inputs.properties,
      outputs: outputs.properties,
      cut: [...inputs.cut, ...outputs.cut],
    };
  },
});

type Properties = Readonly<Record<string, unknown>>;

function differing(outputs: Properties, inputs: Properties): Properties {
  return Object.fromEntries(
    Object.entries(outputs).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(inputs[key]) && !key.startsWith('__'),
    ),
  );
}

/** Small properties first, so that one large document does not push out the rest. */
function fittingProperties(properties: Properties, label: string) {
  const kept: Record<string, unknown> = {};
  const cut: string[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(properties).sort(
    (a, b) => sizeOf(a[1] ?? 0) - sizeOf(b[1] ?? 0),
  )) {
    const short = sizeOf(value ?? null) > 1_500 ? plain(JSON.stringify(value), 1_200) : value;
    if (short !== value) cut.push(`${label}.${line(key, 80)} shortened`);
    size += sizeOf(short ?? null) + key.length + 4;
    if (size > PROPERTIES_CHARACTERS) {
      cut.push(`${label}.${line(key, 80)} left out`);
      size -= sizeOf(short ?? null) + key.length + 4;
      continue;
    }
    kept[key] = short;
  }
  return { properties: kept, cut: cut.slice(0, 12) };
}
