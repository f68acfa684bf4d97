"""How clients find the gateway: GetEndpoints and FindServers, registration with an LDS, reverse connect."""
