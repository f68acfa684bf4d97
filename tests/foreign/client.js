// An OPC UA client of other hands (node-opcua), driven by JSON lines: {"do": …} on stdin, one answer a line on stdout.
"use strict";

const readline = require("node:readline");
const opcua = require("node-opcua");

// DateTime.MinValue
const NOT_GIVEN = new Date(Date.UTC(1601, 0, 1));

let client;
let session;
const subscriptions = new Map();
const items = new Map();
const notifications = [];

function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, plain);
  if (value instanceof opcua.StatusCode) return value.value;
  if (value instanceof opcua.NodeId) return value.toString();
  if (value.text !== undefined && value.locale !== undefined) return value.text;
  if (typeof value.toJSON === "function") return value.toJSON();
  return value;
}

// Int64 and UInt64 come as [high, low].
function ofVariant(variant) {
  if (!variant || variant.dataType === opcua.DataType.Null) return null;
  const isWide = variant.dataType === opcua.DataType.Int64 || variant.dataType === opcua.DataType.UInt64;
  if (isWide && variant.arrayType === opcua.VariantArrayType.Scalar) return wide(variant.value, opcua.DataType[variant.dataType]);
  return plain(variant.value);
}

function ofDataValue(dataValue) {
  return {
    value: ofVariant(dataValue.value),
    type: dataValue.value ? opcua.DataType[dataValue.value.dataType] : null,
    status: dataValue.statusCode.value,
    source: plain(dataValue.sourceTimestamp),
    server: plain(dataValue.serverTimestamp),
  };
}

// What a structure's own description makes of it: {"": its type's name, field: value}, see tests/system/structured_values.py.
function told(value, type) {
  if (value === null || value === undefined) return null;
  if (type === "Int64" || type === "UInt64") return Array.isArray(value[0]) ? value.map((one) => wide(one, type)) : wide(value, type);
  if (value instanceof opcua.Variant) {
    const kind = opcua.DataType[value.dataType];
    return { type: kind, value: told(value.value, kind) };
  }
  if (value instanceof opcua.LocalizedText) return [value.locale ?? null, value.text ?? null];
  if (value instanceof opcua.QualifiedName) return [value.namespaceIndex, value.name ?? null];
  if (Array.isArray(value)) return value.map((one) => told(one));
  if (value.constructor.name === "OpaqueStructure") return { "": null, encoding: value.nodeId.toString() };
  return value.schema === undefined ? plain(value) : fieldsOf(value);
}

function wide([high, low], type) {
  const joined = (BigInt(high) << 32n) | BigInt(low);
  return (type === "Int64" ? BigInt.asIntN(64, joined) : joined).toString();
}

function fieldsOf(structure) {
  const fields = { "": structure.schema.name };
  for (const field of described(structure.schema)) {
    const held = structure[field.name];
    const name = field.originalName ?? field.name;
    if (held !== undefined) fields[name] = held === null && field.isArray ? [] : told(held, field.fieldType);
  }
  return fields;
}

// The fields of a structure, inherited ones first; a union's switch is none.
function described(schema) {
  const base = schema.getBaseSchema ? schema.getBaseSchema() : null;
  const inherited = base && base.name !== "ExtensionObject" ? described(base) : [];
  return [...inherited, ...schema.fields.filter((field) => field.name !== "switchField")];
}

const commands = {
  async connect({ url, mode = "None", policy = "None", certificate, key, folder, uri }) {
    client = opcua.OPCUAClient.create({
      applicationName: "foreign",
      applicationUri: uri,
      certificateFile: certificate,
      privateKeyFile: key,
      clientCertificateManager: new opcua.OPCUACertificateManager({
        rootFolder: folder,
        automaticallyAcceptUnknownCertificate: true,
        disableFileWatchers: true,
      }),
      connectionStrategy: { maxRetry: 0, initialDelay: 100 },
      endpointMustExist: false,
      keepSessionAlive: false,
      securityMode: opcua.MessageSecurityMode[mode],
      securityPolicy: opcua.SecurityPolicy[policy],
      requestedSessionTimeout: 60000,
    });
    await client.connect(url);
    session = await client.createSession();
    return { timeout: session.timeout };
  },

  async endpoints({ url, folder }) {
    const probe = opcua.OPCUAClient.create({
      applicationName: "foreign",
      connectionStrategy: { maxRetry: 0 },
      endpointMustExist: false,
      clientCertificateManager: new opcua.OPCUACertificateManager({ rootFolder: folder, disableFileWatchers: true }),
    });
    await probe.connect(url);
    const found = await probe.getEndpoints();
    await probe.disconnect();
    return found.map((one) => ({
      mode: opcua.MessageSecurityMode[one.securityMode],
      policy: one.securityPolicyUri,
      url: one.endpointUrl,
      tokens: one.userIdentityTokens.map((token) => opcua.UserTokenType[token.tokenType]),
    }));
  },

  async read({ nodes, attribute = "Value" }) {
    const asked = nodes.map((nodeId) => ({ nodeId, attributeId: opcua.AttributeIds[attribute] }));
    return (await session.read(asked)).map(ofDataValue);
  },

  // Any attributes, with IndexRanges and whatever else a ReadValueId has.
  async attributes({ items, maxAge = 0, timestamps = "Both" }) {
    const request = new opcua.ReadRequest({
      maxAge,
      nodesToRead: items,
      timestampsToReturn: opcua.TimestampsToReturn[timestamps],
    });
    return (await session.performMessageTransaction(request)).results.map(ofDataValue);
  },

  // Structures, decoded by what the server's DataTypeDefinition attributes say.
  async structures({ nodes, attribute = "Value" }) {
    const asked = nodes.map((nodeId) => ({ nodeId, attributeId: opcua.AttributeIds[attribute] }));
    return (await session.read(asked)).map((one) => told(one.value));
  },

  async write({ node, type, value }) {
    const status = await session.write({
      nodeId: node,
      attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: opcua.DataType[type], value } },
    });
    return status.name;
  },

  async browse({ node }) {
    const result = await session.browse({
      nodeId: node,
      browseDirection: opcua.BrowseDirection.Forward,
      includeSubtypes: true,
      referenceTypeId: "HierarchicalReferences",
      resultMask: 63,
    });
    return result.references.map((one) => ({
      node: one.nodeId.toString(),
      name: one.browseName.name,
      class: opcua.NodeClass[one.nodeClass],
      type: one.typeDefinition.toString(),
    }));
  },

  // References page by page, with the server's continuation points.
  async pages({ node, most }) {
    session.requestedMaxReferencesPerNode = most;
    const wanted = { nodeId: node, browseDirection: opcua.BrowseDirection.Forward, includeSubtypes: true };
    let result = await session.browse({ ...wanted, referenceTypeId: "HierarchicalReferences", resultMask: 63 });
    const pages = [];
    for (;;) {
      pages.push(result.references.map((one) => one.nodeId.toString()));
      if (!result.continuationPoint || !result.continuationPoint.length) return pages;
      result = await session.browseNext(result.continuationPoint, false);
    }
  },

  async register({ nodes }) {
    return (await session.registerNodes(nodes)).map((one) => one.toString());
  },

  async find({ from = "RootFolder", path }) {
    const result = await session.translateBrowsePath(opcua.makeBrowsePath(from, path));
    return result.statusCode.isGood() ? result.targets[0].targetId.toString() : result.statusCode.name;
  },

  async namespaces() {
    return session.readNamespaceArray();
  },

  async call({ object, method, inputs = [] }) {
    const inputArguments = inputs.map(([type, value]) => ({ dataType: opcua.DataType[type], value }));
    const result = await session.call({ objectId: object, methodId: method, inputArguments });
    return { status: result.statusCode.name, outputs: result.outputArguments.map(ofVariant) };
  },

  async subscribe({ interval = 100, keepAlive = 10, lifetime = 100, max = 0 }) {
    const subscription = await session.createSubscription2({
      requestedPublishingInterval: interval,
      requestedLifetimeCount: lifetime,
      requestedMaxKeepAliveCount: keepAlive,
      maxNotificationsPerPublish: max,
      publishingEnabled: true,
      priority: 1,
    });
    subscriptions.set(subscription.subscriptionId, subscription);
    subscription.on("keepalive", () => notifications.push({ keepAlive: true }));
    subscription.on("terminated", () => notifications.push({ terminated: true }));
    return {
      id: subscription.subscriptionId,
      interval: subscription.publishingInterval,
      lifetime: subscription.lifetimeCount,
      keepAlive: subscription.maxKeepAliveCount,
    };
  },

  async monitor({ subscription, node, name, sampling = 0, size = 10, discardOldest = true, deadband, event }) {
    const target = { nodeId: node, attributeId: event ? opcua.AttributeIds.EventNotifier : opcua.AttributeIds.Value };
    const parameters = { samplingInterval: sampling, queueSize: size, discardOldest };
    if (deadband !== undefined) {
      parameters.filter = new opcua.DataChangeFilter({
        trigger: opcua.DataChangeTrigger.StatusValue,
        deadbandType: opcua.DeadbandType[deadband[0]],
        deadbandValue: deadband[1],
      });
    }
    if (event) parameters.filter = opcua.constructEventFilter(event);
    const item = await subscriptions
      .get(subscription)
      .monitor(target, parameters, opcua.TimestampsToReturn.Both, opcua.MonitoringMode.Reporting);
    item.on("changed", (changed) => {
      notifications.push(event ? { name, fields: changed.map(ofVariant) } : { name, ...ofDataValue(changed) });
    });
    item.on("err", (message) => notifications.push({ name, error: message }));
    items.set(name, item);
    return {
      id: item.monitoredItemId,
      status: item.statusCode ? item.statusCode.name : null,
      sampling: item.result ? item.result.revisedSamplingInterval : null,
      size: item.result ? item.result.revisedQueueSize : null,
    };
  },

  async modify({ name, sampling, size }) {
    const result = await items.get(name).modify({ samplingInterval: sampling, queueSize: size, discardOldest: true });
    return { status: result.statusCode.name, sampling: result.revisedSamplingInterval, size: result.revisedQueueSize };
  },

  async mode({ name, mode }) {
    return plain(await items.get(name).setMonitoringMode(opcua.MonitoringMode[mode]));
  },

  async publishing({ subscription, enabled }) {
    return plain(await subscriptions.get(subscription).setPublishingMode(enabled));
  },

  async taken() {
    return notifications.splice(0);
  },

  async unsubscribe({ subscription }) {
    await subscriptions.get(subscription).terminate();
    return true;
  },

  // Raw history, page by page by the server's continuation points.
  async history({ node, start, end, count = 0, bounds = false }) {
    const pages = [];
    let continuationPoint;
    do {
      const response = await session.historyRead(
        new opcua.HistoryReadRequest({
          historyReadDetails: new opcua.ReadRawModifiedDetails({
            isReadModified: false,
            startTime: start ? new Date(start) : NOT_GIVEN,
            endTime: end ? new Date(end) : NOT_GIVEN,
            numValuesPerNode: count,
            returnBounds: bounds,
          }),
          nodesToRead: [{ nodeId: node, continuationPoint }],
          releaseContinuationPoints: false,
          timestampsToReturn: opcua.TimestampsToReturn.Both,
        }),
      );
      const result = response.results[0];
      const values = result.historyData && result.historyData.dataValues ? result.historyData.dataValues : [];
      pages.push({ status: result.statusCode.name, values: values.map(ofDataValue) });
      continuationPoint = result.continuationPoint;
    } while (continuationPoint && continuationPoint.length && pages.length < 100);
    return pages;
  },

  // An aggregate, by the name of its AggregateFunction; interval in milliseconds.
  async processed({ node, start, end, interval, aggregate }) {
    const result = await session.readAggregateValue(
      { nodeId: node },
      new Date(start),
      new Date(end),
      opcua.AggregateFunction[aggregate],
      interval,
    );
    const values = result.historyData && result.historyData.dataValues ? result.historyData.dataValues : [];
    return { status: result.statusCode.name, values: values.map(ofDataValue) };
  },

  // Values at certain times.
  async atTimes({ node, times }) {
    const response = await session.historyRead(
      new opcua.HistoryReadRequest({
        historyReadDetails: new opcua.ReadAtTimeDetails({
          reqTimes: times.map((one) => new Date(one)),
          useSimpleBounds: false,
        }),
        nodesToRead: [{ nodeId: node }],
        releaseContinuationPoints: false,
        timestampsToReturn: opcua.TimestampsToReturn.Both,
      }),
    );
    const result = response.results[0];
    return { status: result.statusCode.name, values: result.historyData.dataValues.map(ofDataValue) };
  },

  async close() {
    if (session) await session.close();
    if (client) await client.disconnect();
    return true;
  },
};

const lines = readline.createInterface({ input: process.stdin });
let before = Promise.resolve();
lines.on("line", (line) => {
  before = before.then(async () => {
    const { do: name, ...given } = JSON.parse(line);
    let answer;
    try {
      answer = { answer: await commands[name](given) };
    } catch (error) {
      answer = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  });
});
lines.on("close", () => before.then(() => process.exit(0)));
