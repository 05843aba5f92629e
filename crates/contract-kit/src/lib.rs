//! Contract suites for every port, and in-memory fakes with planned faults.
