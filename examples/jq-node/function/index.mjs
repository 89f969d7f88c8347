// Answers {"filter": "...", "input": any JSON} with what jq makes of it: a list. See README.md.
import { spawn } from "node:child_process";

const SECONDS = 10;
const LIMIT = 4 << 20;

// Runs the Layer's jq, which is on PATH; of the function's environment it needs nothing else.
function jq(filter, input) {
  const options = { env: { PATH: process.env.PATH }, timeout: SECONDS * 1000, killSignal: "SIGKILL" };
  return new Promise((resolve, reject) => {
    const child = spawn("jq", ["--compact-output", ` ${filter}`], options); // after a space nothing is an option
    let output = "";
    let words = "";
    child.on("error", reject);
    child.stdout.on("data", (data) => {
      output += data;
      if (output.length > LIMIT) child.kill("SIGKILL");
    });
    child.stderr.on("data", (data) => {
      words = (words + data).slice(-2000);
    });
    child.on("close", (status, signal) => {
      if (status === 0) resolve(output);
      else reject(new Error(words.trim() || `jq ended with ${signal ?? status}`));
    });
    child.stdin.on("error", () => {}); // it ended before it had read all
    child.stdin.end(JSON.stringify(input));
  });
}

export const handler = async (event) => {
  const output = await jq(event.filter, event.input);
  return output.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
};
