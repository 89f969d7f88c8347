// Starts a handler in JavaScript as Lambda's own runtime does, and is its client of the Runtime API.
//
// Source of its rules: the developer guide ("Building Lambda functions with Node.js") and aws-lambda-ric.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const util = require("node:util");

const [HOST, PORT] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const MAJOR = Number(process.versions.node.split(".")[0]);
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const REJECTED = 128;
const THROWN = 129;
const ASYNC = Object.getPrototypeOf(async () => {}).constructor;

// --- errors

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

const isText = (value) => typeof value === "string" && value !== "";
const isError = (value) =>
  util.types.isNativeError(value) || [value?.name, value?.message, value?.stack].every(isText);

// What the caller of Invoke gets.
function toAnswer(error) {
  try {
    if (isError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: error.stack.split("\n") };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    const trouble = "but there was a problem while retrieving one or more of its message, name, and stack";
    return { errorType: "handled", errorMessage: `callback called with Error argument, ${trouble}` };
  }
}

// What the log gets.
function toLog(error) {
  const told = (_, value) => {
    if (!(value instanceof Error)) return value;
    const stack = typeof value.stack === "string" ? value.stack.split("\n") : value.stack;
    return { errorType: value.name, errorMessage: value.message, code: value.code, ...value, stack };
  };
  try {
    return `\t${JSON.stringify(error instanceof Error ? error : new Error(error), told)}`;
  } catch {
    return `\t${JSON.stringify(toAnswer(error))}`;
  }
}

// --- the log

let requestId; // in the log it is "undefined" until there is one

const isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const lowest = Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));

function line(level, values) {
  const timestamp = new Date().toISOString();
  if (!isJson) return `${timestamp}\t${requestId}\t${level}\t${util.format(...values)}\n`;
  const plain = (error) => {
    const stackTrace = String(error.stack).split("\n");
    return { errorType: error.name, errorMessage: error.message, stackTrace, ...error };
  };
  const told = { timestamp, level, requestId, message: values.length === 1 ? values[0] : util.format(...values) };
  const error = values.length > 1 && values.find((value) => value instanceof Error);
  if (error) Object.assign(told, plain(error));
  try {
    return `${JSON.stringify(told, (_, value) => (value instanceof Error ? plain(value) : value))}\n`;
  } catch {
    return `${JSON.stringify({ ...told, message: util.format(...values) })}\n`;
  }
}

function write(text) {
  const data = Buffer.from(text);
  for (let done = 0; done < data.length; ) {
    try {
      done += fs.writeSync(1, data, done); // not lost when the process ends at once
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

function patchConsole() {
  for (const level of LEVELS) {
    const isTold = LEVELS.indexOf(level) >= lowest;
    console[level.toLowerCase()] = (...values) => isTold && write(line(level, values));
  }
  console.log = console.info;
}

const logError = (what, error) => (isJson ? console.error(error) : console.error(what, toLog(error)));

// --- the Runtime API

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function request(method, place, body, headers, done) {
  const options = { agent, host: HOST, port: PORT, method, path: `/2018-06-01/runtime/${place}`, headers };
  const asked = http.request(options, (answer) => {
    const parts = [];
    answer.on("data", (part) => parts.push(part));
    answer.on("end", () => done(answer.headers, Buffer.concat(parts).toString()));
  });
  asked.on("error", () => process.exit(1)); // Lambda is gone
  asked.end(body);
}

function post(place, body, headers, done) {
  const data = Buffer.from(body);
  request("POST", place, data, { "Content-Type": "application/json", "Content-Length": data.length, ...headers }, done);
}

function postError(place, error, done) {
  const answer = toAnswer(error);
  post(place, JSON.stringify(answer), { "Lambda-Runtime-Function-Error-Type": encodeURI(answer.errorType) }, done);
}

function postResult(id, result, done) {
  let body;
  try {
    body = JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw new RuntimeError("Runtime.JSONStringifyError", `Unable to stringify response body: ${error}`);
  }
  post(`invocation/${id}/response`, body, {}, done);
}

// --- finding the handler

function hasTypeModule(folder) {
  for (let at = folder; !at.endsWith("/node_modules"); at = path.dirname(at)) {
    const file = path.join(at, "package.json");
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file)).type === "module";
      } catch {
        return false;
      }
    }
    if (at === "/") break;
  }
  return false;
}

async function loadModule(root, folder, name) {
  const file = path.resolve(root, folder, name);
  const isModule = hasTypeModule(path.dirname(file));
  const endings = [
    ["", false],
    [".js", isModule],
    [".mjs", true],
    [".cjs", false],
    ...(MAJOR >= 24 ? [[".ts", isModule], [".mts", true], [".cts", false]] : []),
  ];
  for (const [ending, isImported] of endings) {
    const found = file + ending;
    if (fs.existsSync(found) && fs.statSync(found).isFile()) {
      return isImported ? import(pathToFileURL(found)) : require(found);
    }
  }
  return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
}

async function loadApp(root, folder, name) {
  try {
    return await loadModule(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error));
    if (error?.code === "MODULE_NOT_FOUND") throw new RuntimeError("Runtime.ImportModuleError", String(error));
    throw error;
  }
}

async function loadHandler(root, text) {
  if (text.includes("..")) {
    const words = "is not a valid handler name. Use absolute paths when specifying root directories in handler names.";
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${text}' ${words}`);
  }
  const base = path.basename(text);
  const [, name, where] = base.match(/^([^.]*)\.(.*)$/) ?? [];
  if (name === undefined) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const app = await loadApp(root, text.slice(0, text.indexOf(base)), name);
  const handler = where.split(".").reduce((inner, key) => inner && inner[key], app);
  if (!handler) throw new RuntimeError("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${text} is not a function`);
  return handler;
}

function check(handler) {
  if (handler[STREAMING]) {
    throw new RuntimeError("Lambundle.ResponseStreaming", "response streaming is not emulated");
  }
  if (MAJOR >= 24 && handler.length >= 3) {
    const message = "Lambda has removed support for callback-based function handlers starting with Node.js 24";
    throw new RuntimeError("Runtime.CallbackHandlerDeprecated", `${message}; let it be async, or use nodejs22.x`);
  }
}

// --- invoking it

const nobody = () => {};
let atEmptyLoop = nobody;

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parsed = (name) => (headers[name] === undefined ? undefined : JSON.parse(headers[name]));
  return {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

class Invocation {
  constructor(id, next) {
    this.id = id;
    this.next = next;
    this.isDone = false;
    this.waits = true;
  }

  // Only the first call of any of these counts.
  once(action) {
    return (...values) => {
      if (this.isDone) return;
      this.isDone = true;
      atEmptyLoop = nobody;
      action(...values);
    };
  }

  fail(error) {
    logError("Invoke Error", error);
    postError(`invocation/${this.id}/error`, error, this.next);
  }

  succeed(result) {
    try {
      postResult(this.id, result, this.next);
    } catch (error) {
      this.fail(error);
    }
  }

  callback() {
    return this.once((error, result) => {
      if (error !== undefined && error !== null) this.fail(error);
      else if (!this.waits) this.succeed(result);
      else atEmptyLoop = () => setImmediate(() => this.succeed(result));
    });
  }

  context(headers) {
    const invocation = this;
    const done = this.once((error, result) => {
      if (error !== undefined && error !== null) this.fail(error);
      else this.succeed(result);
    });
    return {
      get callbackWaitsForEmptyEventLoop() {
        return invocation.waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        invocation.waits = value;
      },
      succeed: (result) => done(null, result),
      fail: (error) => done(error ?? "handled"),
      done,
      ...contextOf(headers),
    };
  }

  // The handler has nothing more to do, and has not answered.
  abandon(isAsync) {
    const end = this.once(() => {
      const words = "The asynchronous function has exited without settling its promise";
      if (isAsync) this.fail(new RuntimeError("Runtime.NodeJsExit", words));
      else this.succeed(null);
    });
    atEmptyLoop = () => end();
  }
}

function serve(handler, fatal) {
  const next = () => setImmediate(() => request("GET", "invocation/next", undefined, {}, invoke));
  const invoke = (headers, body) => {
    requestId = headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
    const invocation = new Invocation(requestId, next);
    fatal.report = (error, done) => postError(`invocation/${invocation.id}/error`, error, done);
    const callback = invocation.callback();
    const context = invocation.context(headers);
    invocation.abandon(handler instanceof ASYNC);
    try {
      const result = handler(JSON.parse(body), context, callback);
      if (typeof result?.then === "function") result.then(context.succeed, context.fail);
    } catch (error) {
      callback(error ?? "handled");
    }
  };
  next();
}

async function main() {
  patchConsole();
  const fatal = { report: (error, done) => postError("init/error", error, done) };
  const die = (what, status) => (error) => {
    logError(what, error);
    fatal.report(error, () => process.exit(status));
  };
  const thrown = die("Uncaught Exception", THROWN);
  process.on("uncaughtException", thrown);
  process.on("unhandledRejection", (reason) => {
    const error = new RuntimeError("Runtime.UnhandledPromiseRejection", String(reason));
    die("Unhandled Promise Rejection", REJECTED)(Object.assign(error, { reason }));
  });
  process.on("beforeExit", () => atEmptyLoop());
  globalThis.awslambda = {
    streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: "response" }),
    HttpResponseStream: { from: (stream) => stream },
  };
  try {
    const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
    check(handler);
    serve(handler, fatal);
  } catch (error) {
    thrown(error);
  }
}

main();
