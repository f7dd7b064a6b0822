import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where compiled code is kept between runs: below the user's cache folder. */
export function compileCacheDirectory(env: Environment, platform: NodeJS.Platform): string {
  return join(perUser(env, platform, 'cache'), 'plumbline', 'compiled');
}

/** Where proposals wait and windows write what became of them, unless PLUMBLINE_STATE_DIR says otherwise. */
export function stateDirectory(env: Environment, platform: NodeJS.Platform): string {
  return env['PLUMBLINE_STATE_DIR'] || join(perUser(env, platform, 'state'), 'plumbline');
}

/** The platform's usual place: XDG folders, ~/Library, or %LOCALAPPDATA%. */
function perUser(env: Environment, platform: NodeJS.Platform, kind: 'cache' | 'state'): string {
  const home = env['HOME'] || env['USERPROFILE'] || homedir();
  if (platform === 'darwin') {
    return join(home, 'Library', kind === 'cache' ? 'Caches' : 'Application Support');
  }
  if (platform === 'win32') return env['LOCALAPPDATA'] || join(home, 'AppData', 'Local');
  return kind === 'cache'
    ? env['XDG_CACHE_HOME'] || join(home, '.cache')
    : env['XDG_STATE_HOME'] || join(home, '.local', 'state');
}
