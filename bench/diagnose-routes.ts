/** One operation of a made-up shop, with what it calls. */
interface Call {
  readonly service: string;
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal' | 'consumer' | 'producer';
  /** Median of its own time, without its calls'. */
  readonly ms: number;
  /** Where a client's call leads. */
  readonly address?: string;
  readonly database?: string;
  readonly route?: string;
  readonly calls?: readonly Call[];
}

const statement = (service: string, name: string, ms: number): Call => ({
  service,
  name,
  kind: 'client',
  ms,
  address: 'db.internal',
  database: 'postgresql',
});
const to = (service: string, from: string, called: Call): Call => ({
  service: from,
  name: `POST ${service}`,
  kind: 'client',
  ms: 1.5,
  address: `${service}.internal`,
  calls: [called],
});

const reserve: Call = {
  service: 'stock',
  name: 'POST /reserve',
  kind: 'server',
  ms: 2,
  route: '/reserve',
  calls: [
    statement('stock', 'SELECT stock', 6),
    { service: 'stock', name: 'choose warehouse', kind: 'internal', ms: 3 },
    statement('stock', 'UPDATE stock', 4),
  ],
};
const charge: Call = {
  service: 'payments',
  name: 'POST /charge',
  kind: 'server',
  ms: 3,
  route: '/charge',
  calls: [
    { service: 'payments', name: 'POST bank', kind: 'client', ms: 60, address: 'bank.example' },
    statement('payments', 'INSERT charge', 3),
  ],
};
const find: Call = {
  service: 'search',
  name: 'POST /find',
  kind: 'server',
  ms: 3,
  route: '/find',
  calls: [
    { service: 'search', name: 'rank', kind: 'internal', ms: 8 },
    { service: 'search', name: 'GET index', kind: 'client', ms: 12, address: 'index.internal' },
  ],
};
const session: Call = {
  service: 'accounts',
  name: 'GET /session',
  kind: 'server',
  ms: 1,
  route: '/session',
  calls: [statement('accounts', 'SELECT session', 2)],
};

/** What slows down in the incident. */
export const CULPRIT = { service: 'stock', name: 'SELECT stock', factor: 8 } as const;

/** The ways through the shop, the most frequent first: about ten spans a request, some forty operations. */
const ROUTES: readonly Call[] = [
  entry('GET /products', [
    to('accounts', 'web', session),
    to('search', 'web', find),
    render('products'),
    to('stock', 'web', {
      service: 'stock',
      name: 'GET /levels',
      kind: 'server',
      ms: 1.5,
      route: '/levels',
      calls: [statement('stock', 'SELECT levels', 4)],
    }),
  ]),
  entry('GET /product', [
    to('accounts', 'web', session),
    to('stock', 'web', reserve),
    statement('web', 'SELECT reviews', 5),
    render('product'),
  ]),
  entry('POST /checkout', [
    to('accounts', 'web', session),
    to('stock', 'web', reserve),
    to('payments', 'web', charge),
    { service: 'web', name: 'publish order', kind: 'producer', ms: 2, address: 'queue.internal' },
  ]),
  entry('GET /orders', [
    to('accounts', 'web', session),
    statement('web', 'SELECT orders', 9),
    to('payments', 'web', {
      service: 'payments',
      name: 'GET /receipts',
      kind: 'server',
      ms: 2,
      route: '/receipts',
      calls: [statement('payments', 'SELECT receipts', 5)],
    }),
    render('orders'),
  ]),
  {
    service: 'shipping',
    name: 'process order',
    kind: 'consumer',
    ms: 5,
    calls: [
      to('stock', 'shipping', reserve),
      { service: 'shipping', name: 'plan', kind: 'internal', ms: 15 },
      statement('shipping', 'INSERT parcel', 4),
      { service: 'shipping', name: 'POST carrier', kind: 'client', ms: 45, address: 'carrier.example' },
    ],
  },
];

function entry(name: string, calls: readonly Call[]): Call {
  return { service: 'web', name, kind: 'server', ms: 4, route: name.split(' ')[1] ?? name, calls };
}

function render(page: string): Call {
  return { service: 'web', name: `render ${page}`, kind: 'internal', ms: 7 };
}

/** One span of a route. Spans stand in the order in which they start; those below a span follow it. */
export interface RouteSpan {
  readonly index: number;
  readonly parent: number | null;
  /** Spans of its subtree, itself included. */
  readonly size: number;
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly ms: number;
  readonly address: string | null;
  readonly database: string | null;
  readonly route: string | null;
}

export const routes: readonly (readonly RouteSpan[])[] = ROUTES.map((root) => {
  const spans: RouteSpan[] = [];
  const add = (call: Call, parent: number | null): void => {
    const index = spans.length;
    const { service, name, kind, ms, address = null, database = null, route = null } = call;
    const span = { index, parent, size: 0, service, name, kind, ms, address, database, route };
    spans.push(span);
    for (const called of call.calls ?? []) add(called, index);
    span.size = spans.length - index;
  };
  add(root, null);
  return spans;
});

/** How many of a hundred requests take each route. */
export const SHARES: readonly number[] = [40, 30, 12, 10, 8];
