// Exports one span, one metric and one log record through OpenTelemetry's SDK for Node.js.
// Run with: the way (http, proto or grpc), and the receiver's URL. Fails where an export does.
const { NodeSDK, logs, metrics } = require("@opentelemetry/sdk-node");
const api = require("@opentelemetry/api");
const { logs: logsApi } = require("@opentelemetry/api-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const [way, url] = process.argv.slice(2);
const exporter = (signal, name) => {
  const { [`OTLP${name}Exporter`]: Exporter } = require(`@opentelemetry/exporter-${signal}-otlp-${way}`);
  const path = { trace: "/v1/traces", metrics: "/v1/metrics", logs: "/v1/logs" }[signal];
  return new Exporter({ url: way === "grpc" ? url : url + path, compression: "gzip" });
};

const failures = [];
api.diag.setLogger({ error: (...what) => failures.push(what), warn() {}, info() {}, debug() {}, verbose() {} });
const sdk = new NodeSDK({
  resource: resourceFromAttributes({ "service.name": "storefront" }),
  spanProcessors: [new SimpleSpanProcessor(exporter("trace", "Trace"))],
  metricReaders: [new metrics.PeriodicExportingMetricReader({ exporter: exporter("metrics", "Metric") })],
  logRecordProcessors: [new logs.SimpleLogRecordProcessor(exporter("logs", "Log"))],
});
sdk.start();
api.trace.getTracer("test").startActiveSpan("GET /x", { kind: api.SpanKind.CLIENT }, (span) => {
  span.setAttribute("http.status_code", 503).setAttribute("tags", ["a", "b"]);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message: "boom" });
  span.addEvent("exception", { "exception.message": "no route" });
  logsApi.getLogger("test").emit({ body: "all is lost", severityText: "WARN", attributes: { attempt: 3 } });
  span.end();
});
api.metrics.getMeter("test").createCounter("orders", { unit: "{order}" }).add(5, { kind: "book" });
sdk.shutdown().then(() => {
  if (failures.length) {
    console.error(failures);
    process.exit(1);
  }
});
