import type { Stage } from '../stage.ts';
import { walk } from './walk.ts';

/** The walk as a stage of `npm test`; its pictures go to shots/, which git ignores. */
export const walkStage: Stage = { name: 'walk', run: (signal) => walk('shots', signal) };
