/** The emulated `aws` provider: hands resources to lab/cloud (not to Amazon). The engine starts it as a plugin. */
import grpc from '@grpc/grpc-js';
import services from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import { CloudClient } from './cloud-client.ts';
import { resourceProvider } from './provider-service.ts';

const cloud = new CloudClient(process.env['PLUMBLINE_LAB_CLOUD_URL']);
const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
server.addService(services.ResourceProviderService, resourceProvider(cloud));
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    process.stderr.write(`emulated aws provider (not Amazon's): ${error.message}\n`);
    process.exit(1);
  }
  // The plugin protocol: the port, alone on the first line.
  process.stdout.write(`${port}\n`);
});
