import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { StackResource, StackSnapshot } from '../../../src/infrastructure/model.ts';
import { locateProperty } from '../../../src/infrastructure/pulumi/program/locate.ts';
import { inTheMannerOf, type Place } from '../../../src/infrastructure/pulumi/program/place.ts';

const HEAD = 'import * as pulumi from "@pulumi/pulumi";\nimport * as aws from "@pulumi/aws";\n';

interface Shape {
  /** `index.ts` (after the two imports) and other files. */
  readonly files: Readonly<Record<string, string>>;
  readonly project?: string;
  readonly property?: string;
  /** Where the state says the resource is; by default found by the marker `new aws`. */
  readonly source?: StackResource['source'];
  readonly parent?: StackResource;
}

/** Writes the program, and asks for the place of `cpu` of the task definition "api". */
async function locate({
  files,
  project = 'runtime: nodejs',
  property = 'cpu',
  source,
  parent,
}: Shape): Promise<Place> {
  const projectDir = await mkdtemp(join(tmpdir(), 'plumbline-program-'));
  onTestFinished(() => rm(projectDir, { recursive: true, force: true }));
  const all = { 'Pulumi.yaml': `name: trial\n${project}\n`, ...files };
  for (const [file, text] of Object.entries(all)) {
    await mkdir(dirname(join(projectDir, file)), { recursive: true });
    await writeFile(join(projectDir, file), text);
  }
  const index = files['index.ts'] ?? '';
  const at = index.search(/new aws\.ecs\.TaskDefinition\("api"/);
  const before = index.slice(0, Math.max(at, 0)).split('\n');
  const found = { file: 'index.ts', line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  const resource: StackResource = {
    urn: 'urn:api',
    type: 'aws:ecs/taskDefinition:TaskDefinition',
    name: 'api',
    dependencies: [],
    protect: false,
    inputs: {},
    outputs: {},
    source: source ?? found,
    ...(parent && { parent: parent.urn }),
  };
  const snapshot: StackSnapshot = {
    stack: {
      fqn: 'organization/trial/dev',
      project: 'trial',
      name: 'dev',
      backend: 'file:///state',
      projectDir,
    },
    resources: parent ? [resource, parent] : [resource],
    pendingOperations: [],
    digest: '',
  };
  const place = await locateProperty({ snapshot, urn: 'urn:api', property });
  const text = (all as Record<string, string>)[place.file] ?? '';
  expect(text.slice(place.start, place.end)).toBe(place.text);
  return place;
}

const task = (args: string) => `new aws.ecs.TaskDefinition("api", ${args});\n`;

describe('the place that sets a property', () => {
  test.each<[string, Shape, Partial<Place>]>([
    [
      'a literal',
      { files: { 'index.ts': `${HEAD}${task('{ family: "api", cpu: "512" }')}` } },
      { text: '"512"', how: 'literal' },
    ],
    [
      'a number',
      { files: { 'index.ts': `${HEAD}const t = ${task('{ cpu: 512 as any }')}` } },
      { text: '512', value: '512', how: 'literal' },
    ],
    [
      'a template',
      { files: { 'index.ts': HEAD + task('{ cpu: `512` }') } },
      { text: '`512`', value: '512', how: 'literal' },
    ],
    [
      'a quoted key',
      { files: { 'index.ts': `${HEAD}${task(`{ 'cpu': '512' }`)}` } },
      { text: "'512'", how: 'literal' },
    ],
    [
      'the last of two',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: "256", cpu: "512" }')}` } },
      { text: '"512"' },
    ],
    [
      'a constant',
      { files: { 'index.ts': `${HEAD}const cpu = "512";\n${task('{ cpu }')}` } },
      { text: '"512"', how: 'constant', sharedWith: [] },
    ],
    [
      'a constant of constants',
      { files: { 'index.ts': `${HEAD}const a = "512";\nconst b = a;\n${task('{ cpu: b }')}` } },
      { text: '"512"', how: 'constant' },
    ],
    [
      'a converted constant',
      { files: { 'index.ts': `${HEAD}const cpu = 512;\n${task('{ cpu: String(cpu) }')}` } },
      { text: '512', how: 'constant' },
    ],
    [
      'a constant in a template',
      { files: { 'index.ts': `${HEAD}const cpu = 512;\n${task(`{ cpu: \`\${cpu}\` }`)}` } },
      { text: '512', how: 'constant' },
    ],
    [
      'toString',
      { files: { 'index.ts': `${HEAD}const cpu = 512;\n${task('{ cpu: cpu.toString() }')}` } },
      { text: '512' },
    ],
    [
      'an output',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: pulumi.output("512") }')}` } },
      { text: '"512"' },
    ],
    [
      'a member of a constant',
      {
        files: {
          'index.ts': `${HEAD}const size = { cpu: "512", memory: "1024" } as const;\n${task('{ cpu: size.cpu }')}`,
        },
      },
      { text: '"512"', how: 'constant' },
    ],
    [
      'a spread',
      { files: { 'index.ts': `${HEAD}const size = { cpu: "512" };\n${task('{ family: "api", ...size }')}` } },
      { text: '"512"', how: 'constant' },
    ],
    [
      'what comes after a spread wins',
      { files: { 'index.ts': `${HEAD}${task('{ ...anything(), cpu: "512" }')}` } },
      { text: '"512"', how: 'literal' },
    ],
    [
      'arguments in a variable',
      {
        files: {
          'index.ts': `${HEAD}const args: aws.ecs.TaskDefinitionArgs = { cpu: "512" } satisfies object;\n${task('args')}`,
        },
      },
      { text: '"512"' },
    ],
    [
      'destructured',
      { files: { 'index.ts': `${HEAD}const { cpu: units } = { cpu: "512" };\n${task('{ cpu: units }')}` } },
      { text: '"512"', how: 'constant' },
    ],
    [
      'imported',
      {
        files: {
          'index.ts': `${HEAD}import { taskCpu as cpu } from "./sizes";\n${task('{ cpu }')}`,
          'sizes.ts': 'export const taskCpu = "512";\n',
        },
      },
      { file: 'sizes.ts', text: '"512"', how: 'constant' },
    ],
    [
      'imported by namespace, with .js',
      {
        files: {
          'index.ts': `${HEAD}import * as sizes from "./lib/sizes.js";\n${task('{ cpu: sizes.cpu }')}`,
          'lib/sizes.ts': 'export const cpu = "512";\n',
        },
      },
      { file: 'lib/sizes.ts', text: '"512"' },
    ],
    [
      'imported default',
      {
        files: {
          'index.ts': `${HEAD}import sizes from "./sizes";\n${task('{ cpu: sizes.cpu }')}`,
          'sizes.ts': 'export default { cpu: "512" };\n',
        },
      },
      { file: 'sizes.ts', text: '"512"' },
    ],
    [
      'renamed on export',
      {
        files: {
          'index.ts': `${HEAD}import { cpu } from "./sizes";\n${task('{ cpu }')}`,
          'sizes.ts': 'const inner = "512";\nexport { inner as cpu };\n',
        },
      },
      { file: 'sizes.ts', text: '"512"' },
    ],
    [
      'a parameter of a function that is called once',
      {
        files: {
          'index.ts': `${HEAD}function make(cpu: string) { return ${task('{ cpu }')} }\nmake("512");\n`,
        },
      },
      { text: '"512"' },
    ],
    [
      'a default, the key being unset',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.get("cpu") ?? "512" }')}`,
        },
      },
      { text: '"512"', how: 'default' },
    ],
    [
      'a default behind ||, read into a constant',
      {
        files: {
          'index.ts': `${HEAD}const cpu = new pulumi.Config("trial").getNumber("cpu") || 512;\n${task('{ cpu: cpu.toString() }')}`,
        },
      },
      { text: '512', how: 'default' },
    ],
    [
      'a configuration key',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.get("cpu") ?? "256" }')}`,
          'Pulumi.dev.yaml': '# sizes\nconfig:\n  trial:cpu: "512" # units\n  trial:other: x\n',
        },
      },
      { file: 'Pulumi.dev.yaml', text: '"512"', how: 'config' },
    ],
    [
      'a required number',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\nconst cpu = config.requireNumber("cpu");\n${task(`{ cpu: \`\${cpu}\` }`)}`,
          'Pulumi.dev.yaml': 'config:\n  trial:cpu: 512\n',
        },
      },
      { file: 'Pulumi.dev.yaml', text: '512', how: 'config' },
    ],
    [
      'a key of another namespace',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config("sizes");\n${task('{ cpu: config.require("cpu") }')}`,
          'Pulumi.dev.yaml': 'config:\n  sizes:cpu: "512"\n',
        },
      },
      { text: '"512"', how: 'config' },
    ],
    [
      "the project's own default",
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.require("cpu") }')}`,
        },
        project: 'runtime: nodejs\nconfig:\n  cpu:\n    default: "512"',
      },
      { file: 'Pulumi.yaml', text: '"512"', how: 'config' },
    ],
    [
      'CommonJS',
      {
        files: {
          'index.js': `const aws = require("@pulumi/aws");\nconst { cpu } = require("./sizes");\nnew aws.ecs.TaskDefinition("api", { cpu });\n`,
          'sizes.js': 'const cpu = "512";\nmodule.exports = { cpu };\n',
        },
        source: { file: 'index.js', line: 3, column: 1 },
      },
      { file: 'sizes.js', text: '"512"' },
    ],
    [
      'lines that have moved since',
      {
        files: { 'index.ts': `${HEAD}// a new line\n${task('{ cpu: "512" }')}` },
        source: { file: 'index.ts', line: 3, column: 1 },
      },
      { text: '"512"' },
    ],
    [
      'YAML',
      {
        files: {},
        project:
          'runtime: yaml\nresources:\n  api:\n    type: aws:ecs:TaskDefinition\n    properties:\n      cpu: 512 # units',
      },
      { file: 'Pulumi.yaml', text: '512', how: 'literal' },
    ],
    [
      'YAML with a configuration key',
      {
        files: { 'Pulumi.dev.yaml': 'config:\n  trial:cpu: "512"\n' },
        project: `runtime: yaml\nresources:\n  api:\n    properties:\n      cpu: \${cpu}`,
      },
      { file: 'Pulumi.dev.yaml', text: '"512"', how: 'config' },
    ],
  ])('%s', async (_name, shape, expected) => {
    expect(await locate(shape)).toMatchObject(expected);
  });

  test('inside of a component: through its own construction', async () => {
    const parent: StackResource = {
      urn: 'urn:web',
      type: 'my:Web',
      name: 'web',
      dependencies: [],
      protect: false,
      inputs: {},
      outputs: {},
      source: { file: 'index.ts', line: 2, column: 1 },
    };
    const place = await locate({
      files: {
        'index.ts': 'import { Web } from "./web";\nnew Web("web", { cpu: "512" });\n',
        'web.ts': `${HEAD}export class Web extends pulumi.ComponentResource {\n  constructor(name: string, args: { cpu: string }) {\n    super("my:Web", name);\n    new aws.ecs.TaskDefinition(\`\${name}-task\`, { cpu: args.cpu }, { parent: this });\n  }\n}\n`,
      },
      source: { file: 'web.ts', line: 6, column: 5 },
      parent,
    });
    expect(place).toMatchObject({ file: 'index.ts', text: '"512"' });
  });

  test('says what else the same constant feeds', async () => {
    const place = await locate({
      files: {
        'index.ts': `${HEAD}const cpu = "512";\n${task('{ cpu }')}new aws.ecs.TaskDefinition("worker", { cpu });\n`,
      },
    });
    expect(place.sharedWith).toEqual(['new TaskDefinition("worker") (index.ts, line 5)']);
  });

  test.each<[string, Shape, RegExp]>([
    [
      'a condition',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: prod ? "512" : "256" }')}` } },
      /line 3: `prod \? "512" : "256"` \(conditional expression\)/,
    ],
    [
      'the environment',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: process.env.CPU }')}` } },
      /process\.env\.CPU/,
    ],
    [
      'a variable that is set twice',
      { files: { 'index.ts': `${HEAD}let cpu = "256";\ncpu = "512";\n${task('{ cpu }')}` } },
      /set more than once/,
    ],
    [
      'a loop',
      { files: { 'index.ts': `${HEAD}for (const cpu of ["256", "512"]) {\n  ${task('{ cpu }')}}\n` } },
      /cpu/,
    ],
    [
      'a function called twice',
      {
        files: {
          'index.ts': `${HEAD}function make(cpu: string) { return ${task('{ cpu }')} }\nmake("512"); make("256");\n`,
        },
      },
      /called 2 times/,
    ],
    [
      'a package',
      { files: { 'index.ts': `${HEAD}import { cpu } from "sizes";\n${task('{ cpu }')}` } },
      /not a file of this project/,
    ],
    [
      'outside of the project',
      { files: { 'index.ts': `${HEAD}import { cpu } from "../sizes";\n${task('{ cpu }')}` } },
      /not a file of this project/,
    ],
    [
      'an unknown spread',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: "512", ...anything() }')}` } },
      /anything\(\)/,
    ],
    [
      'a secret',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.requireSecret("cpu") }')}`,
        },
      },
      /as a secret/,
    ],
    [
      'an encrypted key',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.require("cpu") }')}`,
          'Pulumi.dev.yaml': 'config:\n  trial:cpu:\n    secure: abc\n',
        },
      },
      /is a secret in Pulumi\.dev\.yaml/,
    ],
    [
      'a required key that is not set',
      {
        files: {
          'index.ts': `${HEAD}const config = new pulumi.Config();\n${task('{ cpu: config.require("cpu") }')}`,
        },
      },
      /trial:cpu .*is not set/,
    ],
    ['not set at all', { files: { 'index.ts': `${HEAD}${task('{ family: "api" }')}` } }, /does not set cpu/],
    [
      'not there any more',
      { files: { 'index.ts': HEAD }, source: { file: 'index.ts', line: 9, column: 1 } },
      /has no `new TaskDefinition\("api"/,
    ],
    ['a file that is gone', { files: {}, source: { file: 'gone.ts', line: 1, column: 1 } }, /no such file/],
    [
      'a program that does not parse',
      { files: { 'index.ts': `${HEAD}${task('{ cpu: "512" ')}` } },
      /can't be parsed/,
    ],
    [
      'round in circles',
      { files: { 'index.ts': `${HEAD}const a: string = b;\nconst b: string = a;\n${task('{ cpu: a }')}` } },
      /can't be followed/,
    ],
    ['Python', { files: {}, project: 'runtime: python' }, /runtime python/],
  ])('ends clearly at: %s', async (_name, shape, words) => {
    await expect(locate(shape)).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(words),
    });
  });
});

test('a new value is written in the manner of the old one', () => {
  expect(['"512"', "'512'", '`512`', '512'].map((text) => inTheMannerOf(text, '1024'))).toEqual([
    '"1024"',
    "'1024'",
    '`1024`',
    '1024',
  ]);
});
