// A tracer provider whose spans go to the receiver by OTLP over HTTP, in protobuf; used within the producers' environments.

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

export function exporter() {
  return new OTLPTraceExporter({ url: `${process.env.RECORDING_OTLP}/v1/traces` });
}

export function provider(service, processors = [new BatchSpanProcessor(exporter())]) {
  const resource = resourceFromAttributes({ 'service.name': service, 'service.version': '1.4.0' });
  const made = new NodeTracerProvider({ resource, spanProcessors: processors });
  made.register();
  return made;
}
