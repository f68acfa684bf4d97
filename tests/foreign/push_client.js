// An administrator of other hands (node-opcua), driven as client.js is: certificates and trust of a server.
// With {"do": "connect", "library": true} the calls are made by ClientPushCertificateManagement.
"use strict";

const { createRequire } = require("node:module");
const readline = require("node:readline");
const opcua = require("node-opcua");
const { BinaryStream } = require("node-opcua-binary-stream");
const { TrustListDataType } = require("node-opcua-types");

const { DataType, VariantArrayType } = opcua;
const CONFIGURATION = "i=12637";
const GROUP = "i=14156";
const TRUST_LIST = "i=12642";
const RSA = "i=12560";

let client;
let session;
let library;

function base64(buffers) {
  return (buffers || []).map((one) => one.toString("base64"));
}

async function call(objectId, name, ...inputArguments) {
  const [found] = await session.translateBrowsePath([opcua.makeBrowsePath(objectId, "/" + name)]);
  if (!found.targets || !found.targets.length) throw new Error("there is no " + name);
  const answer = await session.call({ objectId, methodId: found.targets[0].targetId, inputArguments });
  if (answer.statusCode.isNotGood()) throw new Error(answer.statusCode.name);
  return (answer.outputArguments || []).map((one) => one.value);
}

function good(answer) {
  const status = answer.statusCode || answer;
  if (status.isNotGood()) throw new Error(status.name);
  return answer;
}

const octets = (value) => ({ dataType: DataType.ByteString, value: Buffer.from(value, "base64") });
const nodeId = (value) => ({ dataType: DataType.NodeId, value: opcua.resolveNodeId(value) });
const text = (value) => ({ dataType: DataType.String, value });
const truth = (value) => ({ dataType: DataType.Boolean, value });

const commands = {
  async connect({ url, certificate, key, folder, uri, user, password, library: wanted }) {
    // The library works with a client of its own release only.
    const ofLibrary = wanted ? createRequire(require.resolve("node-opcua-server-configuration")) : undefined;
    const { OPCUAClient } = ofLibrary ? ofLibrary("node-opcua-client") : opcua;
    const { OPCUACertificateManager } = ofLibrary ? ofLibrary("node-opcua-certificate-manager") : opcua;
    client = OPCUAClient.create({
      applicationName: "foreign",
      applicationUri: uri,
      certificateFile: certificate,
      privateKeyFile: key,
      clientCertificateManager: new OPCUACertificateManager({
        rootFolder: folder,
        automaticallyAcceptUnknownCertificate: true,
        disableFileWatchers: true,
      }),
      connectionStrategy: { maxRetry: 0, initialDelay: 100 },
      endpointMustExist: false,
      keepSessionAlive: false,
      securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
      securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    });
    await client.connect(url);
    session = await client.createSession({ type: opcua.UserTokenType.UserName, userName: user, password });
    if (wanted) {
      const { ClientPushCertificateManagement } = require("node-opcua-server-configuration");
      library = new ClientPushCertificateManagement(session);
    }
    return true;
  },

  async request({ nonce }) {
    if (library) {
      const told = await library.createSigningRequest("DefaultApplicationGroup", RSA, "CN=Line 1/O=Works", true, Buffer.from(nonce, "base64"));
      return good(told).certificateSigningRequest.toString("base64");
    }
    const given = [nodeId(GROUP), nodeId(RSA), text("CN=Line 1/O=Works"), truth(true), octets(nonce)];
    return (await call(CONFIGURATION, "CreateSigningRequest", ...given))[0].toString("base64");
  },

  async update({ certificate, issuers }) {
    const chain = issuers.map((one) => Buffer.from(one, "base64"));
    if (library) {
      const own = Buffer.from(certificate, "base64");
      return good(await library.updateCertificate("DefaultApplicationGroup", RSA, own, chain)).applyChangesRequired;
    }
    const sent = { dataType: DataType.ByteString, arrayType: VariantArrayType.Array, value: chain };
    const given = [nodeId(GROUP), nodeId(RSA), octets(certificate), sent, text(""), octets("")];
    return (await call(CONFIGURATION, "UpdateCertificate", ...given))[0];
  },

  async apply() {
    if (library) good(await library.applyChanges());
    else await call(CONFIGURATION, "ApplyChanges");
    return true;
  },

  async rejected() {
    if (library) return base64(good(await library.getRejectedList()).certificates);
    return base64((await call(CONFIGURATION, "GetRejectedList"))[0]);
  },

  async trusted() {
    if (library) {
      const group = await library.getApplicationGroup();
      return base64((await (await group.getTrustList()).readTrustedCertificateList()).trustedCertificates);
    }
    const [handle] = await call(TRUST_LIST, "Open", { dataType: DataType.Byte, value: 1 });
    const file = { dataType: DataType.UInt32, value: handle };
    const [content] = await call(TRUST_LIST, "Read", file, { dataType: DataType.Int32, value: 65536 });
    await call(TRUST_LIST, "Close", file);
    const held = new TrustListDataType();
    held.decode(new BinaryStream(content));
    return base64(held.trustedCertificates);
  },

  async add({ certificate }) {
    if (library) {
      const list = await (await library.getApplicationGroup()).getTrustList();
      good(await list.addCertificate(Buffer.from(certificate, "base64"), true));
    } else await call(TRUST_LIST, "AddCertificate", octets(certificate), truth(true));
    return true;
  },

  async remove({ thumbprint }) {
    if (library) {
      const list = await (await library.getApplicationGroup()).getTrustList();
      good(await list.removeCertificate(thumbprint, true));
    } else await call(TRUST_LIST, "RemoveCertificate", text(thumbprint), truth(true));
    return true;
  },

  async disconnect() {
    if (client) await client.disconnect();
    client = undefined;
    return true;
  },
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: name, ...given } = JSON.parse(line);
    let told;
    try {
      told = { answer: await commands[name](given) };
    } catch (error) {
      told = { error: error.message };
    }
    process.stdout.write(JSON.stringify(told) + "\n");
  }
  if (client) await client.disconnect().catch(() => undefined);
  process.exit(0);
})();
