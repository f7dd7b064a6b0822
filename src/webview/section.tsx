import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

/** A part of the panel under its heading; `aside` is what stands at the heading's right. */
export function Section({
  title,
  aside,
  class: extra = '',
  children,
}: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`section ${extra}`} aria-labelledby={id}>
      <header class="section-head">
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <div class="section-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}
