package dev.slipway.e2e;

/// Web servers of which each version replaces those of the one before, pods that never change, and
/// the service of the web servers, as manifests.
///
/// @param deadline of a rolling update, in seconds
/// @param web the container of a web server as a YAML mapping, without its name and probe
/// @param still the container of a pod that never changes, without its name
/// @param port on the host
record Shop(int webs, int stills, int deadline, String web, String still, int port) {
  String manifests(int version) {
    return """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: web
          annotations: {slipway.dev/max-surge: "1", slipway.dev/max-unavailable: "0", slipway.dev/progress-deadline-seconds: "%1$d"}
        spec:
          replicas: %2$d
          selector: {app: web}
          template:
            metadata: {labels: {app: web}, annotations: {version: "%3$d"}}
            spec:
              terminationGracePeriodSeconds: 10
              containers:
              - {name: web, %4$s, readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}
        ---
        apiVersion: v1
        kind: ReplicationController
        metadata: {name: still}
        spec:
          replicas: %5$d
          selector: {app: still}
          template:
            metadata: {labels: {app: still}}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - {name: still, %6$s}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          selector: {app: web}
          ports: [{port: 80, targetPort: 8080, nodePort: %7$d}]
        """
        .formatted(deadline, webs, version, web, stills, still, port);
  }
}
