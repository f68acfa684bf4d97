// A client of other hands (node-opcua) that listens for the server's connection, reads a value, and says what it saw.
"use strict";

const opcua = require("node-opcua");

const { listen, folder, mode, policy, serverUri, serverCertificate } = JSON.parse(process.argv[2]);

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

async function main() {
  const reverseConnect = new opcua.ClientReverseConnect(listen);
  await reverseConnect.start();
  tell({ listening: reverseConnect.listeningPort });
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
    disableFileWatchers: true,
  });
  const client = opcua.OPCUAClient.create({
    applicationName: "reverse",
    clientCertificateManager: manager,
    connectionStrategy: { maxRetry: 1, initialDelay: 100 },
    endpointMustExist: false,
    securityMode: opcua.MessageSecurityMode[mode],
    securityPolicy: opcua.SecurityPolicy[policy],
    serverCertificate: serverCertificate ? Buffer.from(serverCertificate, "base64") : undefined,
  });
  await client.connectReverse(reverseConnect, { serverUri });
  const endpoints = await client.getEndpoints();
  tell({ endpoints: endpoints.map((one) => one.endpointUrl) });
  const session = await client.createSession();
  const read = await session.read({ nodeId: "i=2254", attributeId: opcua.AttributeIds.Value });
  tell({ servers: Array.from(read.value.value) });
  await session.close();
  await client.disconnect();
  await reverseConnect.stop();
  manager.dispose();
  tell({ done: true });
  process.exit(0);
}

main().catch((error) => {
  tell({ error: String(error) });
  process.exit(1);
});
