/**
 * The import rules of the house (ARCHITECTURE.md says why each wall stands). Types count as imports too,
 * except where a rule says otherwise.
 * @type {import('dependency-cruiser').IConfiguration}
 */
export default {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'A circle makes two rooms one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'vscode-only-in-ui',
      comment: 'Everything but the faces runs, and is tested, without an editor.',
      severity: 'error',
      from: { pathNot: '^(src/ui/|src/extension\\.ts$|test/)' },
      to: { path: '^vscode$' },
    },
    {
      name: 'reason-is-pure',
      comment: 'Evidence in, diagnosis out: no I/O, no SDK, no clock.',
      severity: 'error',
      from: { path: '^src/diagnosis/reason/' },
      to: {
        pathNot:
          '^src/(diagnosis/(reason/|diagnosis\\.ts)|infrastructure/(model|fargate|prices)\\.ts|telemetry/query\\.ts|content-hash\\.ts|problem\\.ts)|^src/diagnosis/gather/gathered\\.ts$',
      },
    },
    {
      name: 'states-are-pure',
      comment: 'What may follow what is decided without looking at the world.',
      severity: 'error',
      from: { path: '^src/remediation/proposal-states\\.ts$' },
      to: { pathNot: '^src/(remediation/proposal|problem)\\.ts$' },
    },
    {
      name: 'models-cannot-reach-the-gate',
      comment: 'The process that models talk to holds no code that can change anything.',
      severity: 'error',
      from: { path: '^src/mcp/' },
      to: { path: '^src/(remediation/gate|workflow|ui)/', reachable: true },
    },
    {
      name: 'webview-shares-types-alone',
      comment: 'The browser side knows the messages, nothing else.',
      severity: 'error',
      from: { path: '^src/webview/' },
      to: { path: '^src/', pathNot: '^src/(webview/|workflow/messages\\.ts$)' },
    },
    {
      name: 'sources-do-not-look-up',
      comment: 'What happened and what it runs on do not know who asks.',
      severity: 'error',
      from: { path: '^src/(telemetry|infrastructure|collector)/' },
      to: { path: '^src/(diagnosis|remediation|workflow|ui|mcp|webview)/' },
    },
    {
      name: 'diagnosis-does-not-act',
      severity: 'error',
      comment: 'Finding a cause and doing something about it are two rooms.',
      from: { path: '^src/diagnosis/' },
      to: { path: '^src/(remediation|workflow|ui|mcp)/' },
    },
    {
      name: 'remediation-has-no-face',
      severity: 'error',
      comment: 'The gate shows itself through the workflow; it shares the view types and nothing else.',
      from: { path: '^src/remediation/' },
      to: { path: '^src/(workflow|ui|mcp)/', pathNot: '^src/workflow/(messages|workflow-api)\\.ts$' },
    },
    {
      name: 'only-the-gate-runs-updates',
      severity: 'error',
      comment: 'The commands that execute or change a program are behind the gate.',
      from: { pathNot: '^(src/(remediation/gate|workflow)/|src/extension\\.ts$|src/ui/|test/)' },
      to: { path: '^src/remediation/gate/' },
    },
    {
      name: 'collector-stands-alone',
      severity: 'error',
      comment: 'The collector is a process of its own; only its wire is shared.',
      from: { path: '^src/', pathNot: '^src/collector/' },
      to: { path: '^src/collector/' },
    },
    {
      name: 'product-does-not-know-the-lab',
      severity: 'error',
      comment: 'The lab is to be diagnosed, so nothing of it may be known in advance.',
      from: { path: '^src/' },
      to: { path: '^(lab|bench|test)/' },
    },
    {
      name: 'no-drawers',
      severity: 'error',
      comment: 'A thing lives with what it serves.',
      from: {},
      to: { path: '/(utils?|helpers?|common|managers?|misc)/', pathNot: 'node_modules' },
    },
    {
      name: 'declared',
      severity: 'error',
      comment: 'Every package that is imported is in package.json.',
      from: { pathNot: '^(lab/(chatbot|program)|test/exporters)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.lab|coverage)/|^esbuild\\.mjs$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    builtInModules: { add: ['vscode'] },
  },
};
