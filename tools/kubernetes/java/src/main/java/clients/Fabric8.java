package clients;

import static clients.Checks.check;
import static clients.Checks.expect;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.ByteArrayOutputStream;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// Works with the server of `$KUBECONFIG` by fabric8's client; the first thing that is wrong ends it.
public final class Fabric8 {
  private static final String NAMESPACE = "fabric8";

  private Fabric8() {}

  public static void main(String[] arguments) throws Exception {
    try (KubernetesClient client = new KubernetesClientBuilder().build()) {
      client
          .namespaces()
          .resource(
              new NamespaceBuilder().withNewMetadata().withName(NAMESPACE).endMetadata().build())
          .create();
      var maps = client.configMaps().inNamespace(NAMESPACE);
      BlockingQueue<String> seen = new LinkedBlockingQueue<>();
      try (SharedIndexInformer<ConfigMap> informer = maps.inform(handler(seen))) {
        ConfigMap made = maps.resource(map("a", "1")).create();
        expect(seen, "+a");
        maps.withName("a")
            .edit(
                map -> new ConfigMapBuilder(map).addToData("more", "x").build());
        expect(seen, "~a");
        check(informer.getStore().list().stream().anyMatch(m -> m.getMetadata().getName().equals("a")), "store");
        refused(409, () -> maps.resource(map("a", "1")).create());
        refused(422, () -> maps.resource(map("No_Name", "1")).create());
        refused(409, () -> maps.resource(new ConfigMapBuilder(made).addToData("x", "y").build()).lockResourceVersion(made.getMetadata().getResourceVersion()).update());
        maps.withName("a").delete();
        expect(seen, "-a");
      }
      ConfigMap applied =
          maps.resource(map("applied", "1"))
              .patch(new PatchContext.Builder().withPatchType(PatchType.SERVER_SIDE_APPLY).withFieldManager("first").withForce(false).build());
      check(applied.getMetadata().getManagedFields().size() == 1, "managed fields");
      refused(
          409,
          () ->
              maps.resource(map("applied", "2"))
                  .patch(new PatchContext.Builder().withPatchType(PatchType.SERVER_SIDE_APPLY).withFieldManager("second").withForce(false).build()));
      var deployments = client.apps().deployments().inNamespace(NAMESPACE);
      deployments.resource(deployment()).create();
      Deployment ready = deployments.withName("web").waitUntilReady(90, TimeUnit.SECONDS);
      check(ready.getStatus().getReadyReplicas() == 1, "ready");
      String pod = client.pods().inNamespace(NAMESPACE).withLabel("app", "web").list().getItems().getFirst().getMetadata().getName();
      var out = new ByteArrayOutputStream();
      try (ExecWatch exec = client.pods().inNamespace(NAMESPACE).withName(pod).writingOutput(out).exec("echo", "inside")) {
        check(exec.exitCode().get(30, TimeUnit.SECONDS) == 0, "exit code");
      }
      check(out.toString().equals("inside\n"), "said " + out);
      deployments.withName("web").scale(0);
      client.namespaces().withName(NAMESPACE).delete();
    }
    System.out.println("ok");
    System.exit(0);
  }

  private static ConfigMap map(String name, String value) {
    return new ConfigMapBuilder().withNewMetadata().withName(name).withNamespace(NAMESPACE).endMetadata().withData(Map.of("key", value)).build();
  }

  private static Deployment deployment() {
    return new DeploymentBuilder()
        .withNewMetadata().withName("web").withNamespace(NAMESPACE).endMetadata()
        .withNewSpec().withReplicas(1)
        .withNewSelector().addToMatchLabels("app", "web").endSelector()
        .withNewTemplate().withNewMetadata().addToLabels("app", "web").endMetadata()
        .withNewSpec().withTerminationGracePeriodSeconds(1L)
        .addNewContainer().withName("web").withImage("none").withCommand("sh", "-c", "while true; do sleep 1; done").endContainer()
        .endSpec().endTemplate().endSpec().build();
  }

  private static ResourceEventHandler<ConfigMap> handler(BlockingQueue<String> seen) {
    return new ResourceEventHandler<>() {
      @Override
      public void onAdd(ConfigMap map) {
        seen.add("+" + map.getMetadata().getName());
      }

      @Override
      public void onUpdate(ConfigMap before, ConfigMap map) {
        seen.add("~" + map.getMetadata().getName());
      }

      @Override
      public void onDelete(ConfigMap map, boolean unknown) {
        seen.add("-" + map.getMetadata().getName());
      }
    };
  }

  private static void refused(int code, Runnable call) {
    try {
      call.run();
    } catch (KubernetesClientException e) {
      check(e.getCode() == code, e.getCode() + " instead of " + code + ": " + e.getMessage());
      return;
    }
    throw new AssertionError("not refused with " + code);
  }
}
