// What is asked of the JavaScript; the modules lie with their lock file in tests/node.
import { createRequire } from "node:module";

const require = createRequire(new URL("tests/node/package.json", import.meta.url));
const js = require("@eslint/js");
const globals = require("globals");

export default [
  js.configs.recommended,
  {
    files: ["viz/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    files: ["tests/node/**/*.mjs", ".eslint.config.mjs"],
    languageOptions: { globals: globals.node },
  },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      complexity: ["error", 12],
      "max-len": ["error", 120],
      "no-nested-ternary": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
];
