// Clients of other hands (node-opcua) with security, as many as are wanted, driven as relay.py does: a line of JSON in,
// a line out. Each has a name; {"do": "open"} takes its certificate and its user: {"name", "password"},
// {"certificate", "key"} (files) or {"token"}; none is anonymous.
"use strict";

const { createPublicKey } = require("node:crypto");
const fs = require("node:fs");
const readline = require("node:readline");
const opcua = require("node-opcua");
const { getCryptoFactory } = require("node-opcua-secure-channel");
const { convertPEMtoDER, extractPublicKeyFromCertificateSync, toPem } = require("node-opcua-crypto/web");
const { IssuedIdentityToken } = require("node-opcua-types");

const ISSUED = opcua.UserTokenType.IssuedToken;
const clients = new Map();
let shared;

async function manager(folder) {
  if (!shared) {
    shared = new opcua.OPCUACertificateManager({
      rootFolder: folder,
      automaticallyAcceptUnknownCertificate: true,
      disableFileWatchers: true,
    });
    shared.referenceCounter += 1; // outlives each client
  }
  return shared;
}

function identity(user) {
  if (!user) return { type: opcua.UserTokenType.Anonymous };
  if (user.token) return { type: ISSUED, token: user.token };
  if (user.certificate) {
    return {
      type: opcua.UserTokenType.Certificate,
      certificateData: fs.readFileSync(user.certificate),
      privateKey: fs.readFileSync(user.key, "utf8"),
    };
  }
  return { type: opcua.UserTokenType.UserName, userName: user.name, password: user.password };
}

// node-opcua sends no issued tokens by itself: here they are encrypted with its own cryptography.
function takeTokens(client) {
  const otherwise = client.createUserIdentityToken;
  client.createUserIdentityToken = function (context, user, callback) {
    if (!user || user.type !== ISSUED) return otherwise.call(this, context, user, callback);
    const policy = context.endpoint.userIdentityTokens.find((one) => one.tokenType === ISSUED);
    if (!policy) return callback(new Error("no policy for issued tokens"));
    const crypto = getCryptoFactory(policy.securityPolicyUri || context.securityPolicy);
    const secret = Buffer.concat([Buffer.from(user.token), context.serverNonce]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(secret.length);
    const pem = toPem(context.serverCertificate, "CERTIFICATE");
    const key = createPublicKey(extractPublicKeyFromCertificateSync(pem));
    const userIdentityToken = new IssuedIdentityToken({
      policyId: policy.policyId,
      tokenData: crypto.asymmetricEncrypt(Buffer.concat([length, secret]), key),
      encryptionAlgorithm: crypto.asymmetricEncryptionAlgorithm,
    });
    return callback(null, { userIdentityToken, userTokenSignature: {} });
  };
}

function held(name) {
  return clients.get(name);
}

const commands = {
  async open({ client: name, url, folder, policy = "None", mode = "None", certificate, key, user, lifetime, renewal, retry = 0 }) {
    const client = opcua.OPCUAClient.create({
      applicationName: "secure",
      certificateFile: certificate,
      privateKeyFile: key,
      clientCertificateManager: await manager(folder),
      connectionStrategy: { maxRetry: retry, initialDelay: 50, maxDelay: 200 },
      defaultSecureTokenLifetime: lifetime,
      endpointMustExist: false,
      keepSessionAlive: false,
      requestedSessionTimeout: 60_000,
      securityMode: opcua.MessageSecurityMode[mode],
      securityPolicy: opcua.SecurityPolicy[policy],
      tokenRenewalInterval: renewal,
    });
    takeTokens(client);
    const one = { client, lifetime: null, messages: new Map(), values: [], renewed: 0, restored: 0, looked: () => {} };
    client.on("receive_response", ({ notificationMessage }) => {
      if (!notificationMessage || !notificationMessage.notificationData) return;
      const changes = notificationMessage.notificationData.flatMap((data) => data.monitoredItems || []);
      if (!changes.length) return;
      one.messages.set(notificationMessage.sequenceNumber, changes.map((change) => change.value.value.value));
      one.looked();
    });
    client.on("secure_channel_created", (channel) => {
      channel.on("security_token_created", (token) => (one.lifetime = token.revisedLifetime));
    });
    client.on("security_token_renewed", () => {
      one.renewed += 1;
      one.looked();
    });
    try {
      await client.connect(url);
      one.session = await client.createSession(identity(user));
    } catch (error) {
      await client.disconnect();
      throw error;
    }
    one.session.on("session_repaired", () => {
      one.restored += 1;
      one.looked();
    });
    clients.set(name, one);
    return commands.state({ client: name });
  },

  // Lets this side know an authority and its revocation list (files, PEM).
  async know({ folder, authority, list }) {
    const held = await manager(folder);
    await held.initialize();
    const [issuer, crl] = [authority, list].map((file) => convertPEMtoDER(fs.readFileSync(file, "utf8")));
    const added = [await held.addIssuer(issuer), await held.addRevocationList(crl)];
    return added;
  },

  async state({ client }) {
    const { client: made, lifetime, session, renewed, restored } = held(client);
    return {
      session: session.sessionId.toString(),
      channel: made._secureChannel.channelId,
      lifetime,
      timeout: session.timeout,
      activation: session.lastActivateSessionStatusCode.name,
      renewed,
      restored,
    };
  },

  async read({ client, node }) {
    const told = await held(client).session.read({ nodeId: node, attributeId: opcua.AttributeIds.Value });
    return told.statusCode.isGood() ? told.value.value : told.statusCode.name;
  },

  async write({ client, node, type, value }) {
    const status = await held(client).session.write({
      nodeId: node,
      attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: opcua.DataType[type], value } },
    });
    return status.name;
  },

  async call({ client, object, method, texts }) {
    const inputArguments = texts.map((value) => ({ dataType: opcua.DataType.String, value }));
    return (await held(client).session.call({ objectId: object, methodId: method, inputArguments })).statusCode.name;
  },

  async change({ client, user }) {
    return (await held(client).session.changeUser(identity(user))).name;
  },

  async subscribe({ client, node, size }) {
    const one = held(client);
    const subscription = await one.session.createSubscription2({
      requestedPublishingInterval: 50,
      requestedLifetimeCount: 1000,
      requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 0,
      publishingEnabled: true,
      priority: 0,
    });
    const target = { nodeId: node, attributeId: opcua.AttributeIds.Value };
    const parameters = { samplingInterval: 0, queueSize: size, discardOldest: true };
    const item = await subscription.monitor(target, parameters, opcua.TimestampsToReturn.Both);
    item.on("changed", (changed) => {
      one.values.push(changed.value.value);
      one.looked();
    });
    await seen(one, () => one.values.length);
    return subscription.subscriptionId;
  },

  // The values so far, once there are so many, the channel was renewed and the session restored so often.
  async seen({ client, count = 0, renewed = 0, restored = 0 }) {
    const one = held(client);
    await seen(one, () => one.values.length >= count && one.renewed >= renewed && one.restored >= restored);
    return one.values;
  },

  // What came in notifications, in their order and each once, as soon as there are so many values. After a cut node-opcua
  // itself tells some twice: it asks for a message again that is on its way in an answer to Publish.
  async notified({ client, count }) {
    const one = held(client);
    const told = () => [...one.messages.keys()].sort((a, b) => a - b).flatMap((number) => one.messages.get(number));
    await seen(one, () => told().length >= count);
    return told();
  },

  async close({ client }) {
    const one = held(client);
    clients.delete(client);
    await one.session.close(true);
    await one.client.disconnect();
    return true;
  },
};

function seen(one, enough) {
  return new Promise((resolve) => {
    one.looked = () => enough() && resolve();
    one.looked();
  });
}

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const { id, do: name, ...given } = JSON.parse(line);
  let told;
  try {
    told = { id, answer: await commands[name](given) };
  } catch (error) {
    told = { id, error: error.message };
  }
  process.stdout.write(`${JSON.stringify(told)}\n`);
});
lines.on("close", () => process.exit(0));
