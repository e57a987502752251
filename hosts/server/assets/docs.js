// Every address is relative to the page, so that it also works behind a proxy that adds a prefix.
SwaggerUIBundle({
  url: "v1/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  // It would send the document to a service of its makers.
  validatorUrl: null,
});
