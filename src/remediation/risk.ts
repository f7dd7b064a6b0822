import type { Edit, Risk, RiskLevel } from './proposal.ts';

/** Files whose change can run other code, or change what is installed, in places other than the program. */
const RUNS_CODE =
  /(^|\/)(package\.json|package-lock\.json|pnpm-lock\.yaml|yarn\.lock|requirements\.txt|pyproject\.toml|go\.mod|Pulumi\.ya?ml|tsconfig[^/]*\.json)$/;

/** What takes a guard off; seen in the edits' text, before any preview. */
const GUARDS: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  { pattern: /\bprotect\b/, reason: 'It touches `protect`, which keeps a resource from being deleted.' },
  { pattern: /\bretainOnDelete\b/, reason: 'It touches `retainOnDelete`.' },
  { pattern: /\bdeletedWith\b/, reason: 'It touches `deletedWith`.' },
  { pattern: /\bdeletionProtection\b/i, reason: 'It touches deletion protection.' },
  { pattern: /\biam\b|RolePolicy|PolicyAttachment|AssumeRole/i, reason: 'It touches permissions (IAM).' },
  {
    pattern: /0\.0\.0\.0\/0|::\/0|publicly_?Accessible|public-read/i,
    reason: 'It touches what the internet can reach.',
  },
  {
    pattern: /local\.Command|remote\.Command|child_process|execSync|spawnSync|\beval\(|new Function\(/,
    reason: 'It brings in code that runs commands.',
  },
  {
    pattern: /process\.env|requireSecret|getSecret|\bsecret\(/,
    reason: 'It reads secrets or the environment.',
  },
];

const ORDER: readonly RiskLevel[] = ['low', 'medium', 'high'];

/** The risk of edits as their text shows it; `known` are reasons that the maker of the proposal has, with their level. */
export function assessRisk(
  edits: readonly Edit[],
  known: readonly { readonly level: RiskLevel; readonly reason: string }[] = [],
): Risk {
  const found: { level: RiskLevel; reason: string }[] = [...known];
  for (const file of new Set(edits.map((edit) => edit.file))) {
    if (RUNS_CODE.test(file)) {
      found.push({
        level: 'high',
        reason: `It changes ${file}, which decides what code is installed or run.`,
      });
    }
  }
  for (const { pattern, reason } of GUARDS) {
    if (edits.some((edit) => changedLines(edit).some((line) => pattern.test(line))))
      found.push({ level: 'high', reason });
  }
  const files = new Set(edits.map((edit) => edit.file)).size;
  if (files > 3) found.push({ level: 'medium', reason: `It changes ${files} files.` });
  const level = found.reduce<RiskLevel>(
    (worst, one) => (ORDER.indexOf(one.level) > ORDER.indexOf(worst) ? one.level : worst),
    'low',
  );
  return { level, reasons: [...new Set(found.map((one) => one.reason))] };
}

/** Lines that an edit takes out or brings in; lines that are only context are not its doing. */
function changedLines(edit: Edit): readonly string[] {
  const before = edit.oldText.split(/\r?\n/);
  const after = edit.newText.split(/\r?\n/);
  return [
    ...before.filter((line) => !after.includes(line)),
    ...after.filter((line) => !before.includes(line)),
  ];
}
