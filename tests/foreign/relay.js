// Sends any request of OPC UA Part 4 with node-opcua's client, as relay.py asks: a line of JSON in, a line out.
// A structure is an object of its fields, or {"is": type, …} where it stands in an ExtensionObject; a Variant is
// {"type", "value"}; NodeIds are text; enumerations and StatusCodes are numbers.
"use strict";

const readline = require("node:readline");
const opcua = require("node-opcua");

const PUBLISH_WAITS = 60_000; // ms
const sessions = new Map();
const watches = new Map();

function revived(given) {
  if (Array.isArray(given)) return given.map(revived);
  if (given === null || typeof given !== "object") return given;
  if ("type" in given && "value" in given) {
    const dataType = opcua.DataType[given.type];
    const arrayType = opcua.VariantArrayType[Array.isArray(given.value) ? "Array" : "Scalar"];
    const value = given.type === "NodeId" ? opcua.coerceNodeId(given.value) : revived(given.value);
    return new opcua.Variant({ dataType, arrayType, value });
  }
  const { is, ...fields } = given;
  const made = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, revived(value)]));
  return is === undefined ? made : new opcua[is](made);
}

function text(nodeId) {
  return nodeId.toString().replace(/^ns=0;/, "");
}

function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return typeof value === "bigint" ? Number(value) : value;
  if (value instanceof Date) return opcua.isMinDate(value) ? null : value.toISOString();
  if (value instanceof opcua.StatusCode) return value.value;
  if (value instanceof opcua.NodeId) return text(value);
  if (value instanceof opcua.LocalizedText) return value.text ?? null;
  if (value instanceof opcua.Variant) return variant(value);
  if (value instanceof opcua.DataValue) return dataValue(value);
  if (value instanceof opcua.DiagnosticInfo) return null;
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, plain);
  if (value.schema === undefined) return String(value);
  const fields = fieldsOf(value.schema).filter(({ name }) => name !== "responseHeader");
  const told = Object.fromEntries(fields.map(({ name }) => [name, plain(value[name])]));
  return { is: value.schema.name, ...told };
}

function fieldsOf(schema) {
  const base = schema.getBaseSchema ? schema.getBaseSchema() : null;
  return [...(base && base.name !== "ExtensionObject" ? fieldsOf(base) : []), ...schema.fields];
}

function variant({ dataType, value }) {
  return { type: opcua.DataType[dataType], value: plain(value) };
}

function dataValue({ value, statusCode, sourceTimestamp, serverTimestamp }) {
  return {
    ...(value ? variant(value) : { type: "Null", value: null }),
    status: statusCode.value,
    source: plain(sourceTimestamp),
    server: plain(serverTimestamp),
  };
}

async function connected(url, folder) {
  const client = opcua.OPCUAClient.create({
    applicationName: "relay",
    clientCertificateManager: new opcua.OPCUACertificateManager({
      rootFolder: folder,
      automaticallyAcceptUnknownCertificate: true,
      disableFileWatchers: true,
    }),
    connectionStrategy: { maxRetry: 0 },
    endpointMustExist: false,
    keepSessionAlive: false,
  });
  await client.connect(url);
  return client;
}

const commands = {
  async open({ session, url, folder }) {
    const client = await connected(url, folder);
    sessions.set(session, { client, session: await client.createSession() });
    return true;
  },

  async close({ session }) {
    const held = sessions.get(session);
    sessions.delete(session);
    await held.session.close(true);
    await held.client.disconnect();
    return true;
  },

  async call({ session, service, request }) {
    const Request = opcua[`${service}Request`];
    const asked = new Request({ requestHeader: { timeoutHint: PUBLISH_WAITS }, ...revived(request) });
    try {
      const response = await sessions.get(session).session.performMessageTransaction(asked);
      return { result: response.responseHeader.serviceResult.value, ...plain(response) };
    } catch (error) {
      const header = error.response && error.response.responseHeader;
      if (!header) throw error;
      return { result: header.serviceResult.value };
    }
  },

  // node-opcua's own subscription loop: answers with the first value, `watched` with all of them once there are enough.
  async watch({ session, node, size }) {
    const held = sessions.get(session);
    const subscription = await held.session.createSubscription2({
      requestedPublishingInterval: 50,
      requestedLifetimeCount: 100,
      requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 0,
      publishingEnabled: true,
      priority: 0,
    });
    const target = { nodeId: node, attributeId: opcua.AttributeIds.Value };
    const parameters = { samplingInterval: 0, queueSize: size, discardOldest: true };
    const item = await subscription.monitor(target, parameters, opcua.TimestampsToReturn.Both);
    const watch = { values: [], looked: () => {} };
    watches.set(session, watch);
    item.on("changed", (changed) => {
      watch.values.push(plain(changed.value.value));
      watch.looked();
    });
    return (await seen(watch, 1))[0];
  },

  async watched({ session, count }) {
    return seen(watches.get(session), count);
  },
};

function seen(watch, count) {
  return new Promise((resolve) => {
    watch.looked = () => watch.values.length >= count && resolve(watch.values);
    watch.looked();
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
