import { fileURLToPath } from 'node:url';

const CHATBOT = fileURLToPath(new URL('../../chatbot/main.ts', import.meta.url));

/** The local command (program and arguments) that stands in for each container image, by repository name without registry and tag. */
export type Images = Readonly<Record<string, readonly string[]>>;

export const LAB_IMAGES: Images = { 'otel-ai-chatbot': [process.execPath, CHATBOT] };

/** The command for an image reference such as `registry/name:tag` or `name@sha256:…`; undefined if the lab has no such image. */
export function imageCommand(images: Images, reference: string): readonly string[] | undefined {
  const name =
    reference
      .split('/')
      .at(-1)
      ?.replace(/[:@].*$/, '') ?? '';
  return Object.hasOwn(images, name) ? images[name] : undefined;
}
