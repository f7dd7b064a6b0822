import { Problem } from '../problem.ts';

/** Folders and files that a proposal never touches: they run elsewhere, or hold what is not a program. */
const REFUSED: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /(^|\/)\.git(\/|$)/, why: 'it belongs to Git' },
  { pattern: /(^|\/)(node_modules|venv|\.venv)(\/|$)/, why: 'it is an installed package' },
  {
    pattern:
      /(^|\/)(\.github|\.gitlab|\.circleci|\.buildkite|\.azuredevops|\.teamcity|\.woodpecker|\.ci|\.husky|\.vscode|\.devcontainer)(\/|$)/i,
    why: 'it runs in a pipeline or an editor',
  },
  {
    pattern:
      /(^|\/)(\.gitlab-ci\.ya?ml|azure-pipelines[^/]*\.ya?ml|bitbucket-pipelines\.ya?ml|\.travis\.ya?ml|\.drone\.ya?ml|appveyor\.ya?ml|cloudbuild\.ya?ml|buildspec\.ya?ml|jenkinsfile[^/]*|\.pre-commit-config\.ya?ml)$/i,
    why: 'it runs in a pipeline',
  },
  {
    pattern: /(^|\/)(\.env[^/]*|\.npmrc|\.yarnrc[^/]*|\.netrc|\.envrc)$/i,
    why: 'it holds credentials or settings of tools',
  },
];

/** Windows takes these for devices. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Refuses a path that is not a plain relative path inside of the project, or names what proposals never touch. */
export function checkPath(file: string): void {
  const parts = file.split('/');
  const plain =
    file !== '' &&
    file.length <= 400 &&
    !/[\\\0:*?"<>|]/.test(file) &&
    !hasControl(file) &&
    parts.every(
      (part) => part !== '' && part !== '.' && part !== '..' && !/[. ]$/.test(part) && !DEVICES.test(part),
    );
  if (!plain) {
    throw refused(file, "it is not a plain path inside of the project's folder (forward slashes, no `..`)");
  }
  const found = REFUSED.find(({ pattern }) => pattern.test(file));
  if (found) throw refused(file, found.why);
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

export function refused(file: string, why: string): Problem {
  return new Problem(
    'refused',
    `A proposal can't change ${JSON.stringify(file.slice(0, 200))}: ${why}.`,
    'Make this change by hand.',
  );
}
