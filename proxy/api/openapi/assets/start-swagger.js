const page = document.getElementById("page");

SwaggerUIBundle({
  url: page.dataset.document,
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
