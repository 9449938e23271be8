const page = document.getElementById("page");

Redoc.init(page.dataset.document, { disableSearch: false, hideDownloadButton: false }, page);
