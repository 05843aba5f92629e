//! Settings, tracing, opening stores and edges by URL, building and draining the app.
