/** Stands in for a cloud that is going to be killed: runs one busy task and says when it is at work. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskRunner } from '../../lab/cloud/tasks/runner.ts';
import { ProcessFile } from '../../lab/cloud/tasks/strays.ts';
import { IMAGES } from './cloud-fixture.ts';

const runner = new TaskRunner(await ProcessFile.claim(process.argv[2] ?? '', () => {}), () => {});
runner.start(
  'busy',
  {
    command: IMAGES['test-task'] ?? [],
    cwd: process.cwd(),
    env: { PATH: process.env['PATH'] ?? '', BUSY: 'yes' },
    cpuUnits: 64,
    memoryMiB: 512,
  },
  { started: () => {}, output: () => {}, exited: () => process.exit(1) },
);
while ((runner.usage('busy')?.cpuMs ?? 0) < 200) await sleep(50);
console.log('busy');
