import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/masthead.css';
import './styles/chart.css';
import './styles/breakdown.css';
import './styles/comparison.css';
import './styles/findings.css';
import './styles/proposal.css';
import { App } from './app.tsx';
import { keep, listen, uiState } from './host.ts';

const root = document.getElementById('app');
if (root === null) throw new Error('The page has no place for the panel.');

let restored = false;
listen(({ state }) => {
  render(<App state={state} />, root);
  // Where the person had scrolled to, once there is something to scroll.
  if (!restored && state.diagnosis !== null) {
    restored = true;
    requestAnimationFrame(() => window.scrollTo(0, uiState().scrollY));
  }
});

window.addEventListener('scrollend', () => keep({ scrollY: window.scrollY }));
