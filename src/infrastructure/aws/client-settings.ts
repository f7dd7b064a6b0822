import type { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import type { AwsIdentity } from './aws-problems.ts';

export interface ClientSettings {
  readonly region: string;
  readonly credentials: ReturnType<typeof fromNodeProviderChain>;
  readonly maxAttempts: number;
}

/**
 * Settings that all clients share. Credentials come from the SDK's own chain and are resolved for each request, so
 * that a sign-in while the window is open takes effect. AWS_ENDPOINT_URL works as the SDK reads it itself.
 */
export async function clientSettings(identity: AwsIdentity): Promise<ClientSettings> {
  const { fromNodeProviderChain: credentialChain } = await import('@aws-sdk/credential-providers');
  return {
    region: identity.region,
    credentials: () =>
      credentialChain({
        clientConfig: { region: identity.region },
        ...(identity.profile === undefined ? {} : { profile: identity.profile }),
      })(),
    maxAttempts: 3,
  };
}
