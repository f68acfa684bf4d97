// An engineer of other hands (node-opcua), driven as client.js is: PublishSubscribe and its methods.
// Structures are made by the DataTypes that the server itself describes.
"use strict";

const readline = require("node:readline");
const opcua = require("node-opcua");

const { DataType, VariantArrayType } = opcua;
const OBJECT = "i=14443";
const DATASETS = "i=17371";
const TYPES = {
  PubSubConnectionDataType: 15617,
  NetworkAddressUrlDataType: 15510,
  WriterGroupDataType: 15480,
  JsonWriterGroupMessageDataType: 15657,
  BrokerWriterGroupTransportDataType: 15667,
  DataSetWriterDataType: 15597,
  JsonDataSetWriterMessageDataType: 15664,
  BrokerDataSetWriterTransportDataType: 15669,
  PublishedVariableDataType: 14273,
};

let client;
let session;

const made = (name, fields) => session.constructExtensionObject(opcua.resolveNodeId("i=" + TYPES[name]), fields);
const text = (value) => ({ dataType: DataType.String, value });
const object = (value) => ({ dataType: DataType.ExtensionObject, value });
const list = (dataType, value) => ({ dataType, arrayType: VariantArrayType.Array, value });

async function child(owner, ...names) {
  const [found] = await session.translateBrowsePath([opcua.makeBrowsePath(owner, names.map((one) => "/" + one).join(""))]);
  if (!found.targets || !found.targets.length) throw new Error("there is no " + names.join("/"));
  return found.targets[0].targetId;
}

async function call(objectId, name, ...inputArguments) {
  // Who may not call AddConnection is not shown it either.
  const methodId = name === "AddConnection" ? "i=17366" : await child(objectId, name);
  const answer = await session.call({ objectId, methodId, inputArguments });
  if (answer.statusCode.isNotGood()) throw new Error(answer.statusCode.name);
  return (answer.outputArguments || []).map((one) => one.value);
}

const commands = {
  async connect({ url, certificate, key, folder, uri, user, password }) {
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
      securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
      securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    });
    await client.connect(url);
    session = await client.createSession({ type: opcua.UserTokenType.UserName, userName: user, password });
    return true;
  },

  async items({ name, nodes, aliases }) {
    const variables = [];
    for (const publishedVariable of nodes) {
      variables.push(await made("PublishedVariableDataType", { publishedVariable, attributeId: 13 }));
    }
    const given = [text(name), list(DataType.String, aliases), list(DataType.UInt16, []), list(DataType.ExtensionObject, variables)];
    const [dataset, , results] = await call(DATASETS, "AddPublishedDataItems", ...given);
    return { dataset: dataset.toString(), results: results.map((one) => one.name) };
  },

  async connection({ name, broker, profile }) {
    const given = await made("PubSubConnectionDataType", {
      name,
      enabled: true,
      publisherId: { dataType: DataType.String, value: "works" },
      transportProfileUri: profile,
      address: await made("NetworkAddressUrlDataType", { networkInterface: "", url: broker }),
    });
    return (await call(OBJECT, "AddConnection", object(given)))[0].toString();
  },

  async group({ connection, name, interval }) {
    const given = await made("WriterGroupDataType", {
      name,
      enabled: true,
      securityMode: 1,
      publishingInterval: interval,
      transportSettings: await made("BrokerWriterGroupTransportDataType", { requestedDeliveryGuarantee: 2 }),
      messageSettings: await made("JsonWriterGroupMessageDataType", { networkMessageContentMask: 0x4b }),
    });
    return (await call(connection, "AddWriterGroup", object(given)))[0].toString();
  },

  async writer({ group, name, dataset }) {
    const given = await made("DataSetWriterDataType", {
      name,
      enabled: true,
      dataSetFieldContentMask: 35,
      keyFrameCount: 3,
      dataSetName: dataset,
      transportSettings: await made("BrokerDataSetWriterTransportDataType", { requestedDeliveryGuarantee: 2 }),
      messageSettings: await made("JsonDataSetWriterMessageDataType", { dataSetMessageContentMask: 0x87f }),
    });
    return (await call(group, "AddDataSetWriter", object(given)))[0].toString();
  },

  async read({ node, path }) {
    const told = await session.read({ nodeId: path.length ? await child(node, ...path) : node, attributeId: 13 });
    if (told.statusCode.isNotGood()) throw new Error(told.statusCode.name);
    return told.value.value;
  },

  async keys({ group, token, count }) {
    const asked = [text(group), { dataType: DataType.UInt32, value: token }, { dataType: DataType.UInt32, value: count }];
    const [policy, first, keys, next, lifetime] = await call(OBJECT, "GetSecurityKeys", ...asked);
    return { policy, first, keys: keys.map((one) => one.toString("hex")), next, lifetime };
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
