// A Local Discovery Server of other hands (node-opcua): a JSON line for each thing that happens, until stdin ends.
"use strict";

const opcua = require("node-opcua");

const { port, folder, modes } = JSON.parse(process.argv[2]);

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

async function main() {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
    disableFileWatchers: true,
  });
  await manager.initialize();
  const server = new opcua.OPCUADiscoveryServer({
    port,
    hostname: "127.0.0.1",
    securityModes: modes.map((mode) => opcua.MessageSecurityMode[mode]),
    serverCertificateManager: manager,
    certificateFile: `${folder}/lds.pem`,
  });
  server.on("onRegisterServer", (registered, first) =>
    tell({ registered: registered.serverUri, first, urls: registered.discoveryUrls, name: registered.serverNames[0].text }),
  );
  server.on("onUnregisterServer", (registered, forced) => tell({ unregistered: registered.serverUri, forced }));
  server.on("onRegistrationRefused", (registered, why) =>
    tell({ refused: registered.serverUri, status: why.statusCode.name }),
  );
  await server.start();
  tell({ ready: server.getEndpointUrl(), certificate: server.getCertificate().toString("base64") });
  process.stdin.on("end", async () => {
    await server.shutdown();
    manager.dispose();
    process.exit(0);
  });
  process.stdin.resume();
}

main().catch((error) => {
  tell({ error: String(error) });
  process.exit(1);
});
