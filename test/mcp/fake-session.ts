import { openSession as open, type Session } from '../../src/mcp/session.ts';
import { fakeRuntime } from './fake-runtime.ts';

/** Stands in for src/mcp/session.ts in the bundle that tests run: the real server and tools over a fake runtime. */
export function openSession(): Session {
  const session = open(fakeRuntime());
  // What a library might do; it must not reach the protocol's channel.
  console.log('a stray line');
  return session;
}
