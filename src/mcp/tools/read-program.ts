import { z } from 'zod';
import { Problem } from '../../problem.ts';
import { line } from '../answer.ts';
import { listProgramFiles, readProgramFile } from '../program-files.ts';
import { defineTool, READ_ONLY } from '../tool.ts';
import { chooseStack, stackInput } from './stack-choice.ts';

const TEXT_CHARACTERS = 5_500;
const LIST_CHARACTERS = 6_500;

export const readProgram = defineTool({
  name: 'read_program',
  title: 'Read the Pulumi program',
  description:
    'Without file: the program’s files. With file: its text from a line on, exactly as edits must quote it. Files that may hold secrets are not read.',
  input: z.strictObject({
    stack: stackInput,
    file: z.string().min(1).max(400).optional(),
    fromLine: z.int().min(1).max(1_000_000).default(1),
  }),
  output: z.object({
    stack: z.string(),
    files: z.array(z.string()).optional(),
    file: z.string().optional(),
    sha256: z.string().optional(),
    fromLine: z.number().optional(),
    toLine: z.number().optional(),
    lines: z.number().optional(),
    text: z.string().optional(),
    cut: z.array(z.string()).optional(),
  }),
  annotations: READ_ONLY,
  async handler({ stack: wanted, file, fromLine }, { runtime, signal }) {
    const stack = await chooseStack(runtime, wanted, signal);
    if (file === undefined)
      return { stack: stack.fqn, ...filesOf(await listProgramFiles(stack.projectDir, signal)) };
    const { text, sha256 } = await readProgramFile(stack.projectDir, file, signal);
    const lines = text.split(/(?<=\n)/);
    if (fromLine > Math.max(1, lines.length)) {
      throw new Problem(
        'bad-input',
        `${line(file, 200)} has ${lines.length} lines.`,
        'Ask for a smaller fromLine.',
      );
    }
    const shown = fittingLines(lines.slice(fromLine - 1));
    const toLine = fromLine + shown.length - 1;
    return {
      stack: stack.fqn,
      file,
      sha256,
      fromLine,
      toLine,
      lines: lines.length,
      text: shown.join(''),
      ...(toLine < lines.length ? { cut: [`goes on at fromLine ${toLine + 1}`] } : {}),
    };
  },
});

function filesOf(files: readonly string[]) {
  const shown: string[] = [];
  let size = 0;
  for (const file of files) {
    size += file.length + 3;
    if (size > LIST_CHARACTERS) break;
    shown.push(file);
  }
  return {
    files: shown,
    ...(shown.length < files.length ? { cut: [`files: ${shown.length} of ${files.length} shown`] } : {}),
  };
}

/** Whole lines up to the cap, as JSON would hold them; a single line longer than that is cut. */
function fittingLines(lines: readonly string[]): readonly string[] {
  const shown: string[] = [];
  let size = 0;
  for (const text of lines) {
    size += JSON.stringify(text).length;
    if (size > TEXT_CHARACTERS) break;
    shown.push(text);
  }
  return shown.length > 0 ? shown : lines.slice(0, 1).map((text) => text.slice(0, TEXT_CHARACTERS / 2));
}
