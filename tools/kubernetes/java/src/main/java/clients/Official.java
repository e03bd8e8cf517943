package clients;

import static clients.Checks.check;
import static clients.Checks.expect;

import io.kubernetes.client.common.KubernetesObject;
import io.kubernetes.client.custom.V1Patch;
import io.kubernetes.client.informer.ResourceEventHandler;
import io.kubernetes.client.informer.SharedInformerFactory;
import io.kubernetes.client.openapi.ApiClient;
import io.kubernetes.client.openapi.ApiException;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1ConfigMapList;
import io.kubernetes.client.openapi.models.V1Namespace;
import io.kubernetes.client.openapi.models.V1ObjectMeta;
import io.kubernetes.client.util.Config;
import io.kubernetes.client.util.generic.GenericKubernetesApi;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/// Works with the server of `$KUBECONFIG` by the official Java client; the first thing that is wrong
/// ends it.
public final class Official {
  private static final String NAMESPACE = "official";

  private Official() {}

  private interface Call {
    void run() throws ApiException;
  }

  public static void main(String[] arguments) throws Exception {
    ApiClient client = Config.fromConfig(System.getenv("KUBECONFIG"));
    client.setReadTimeout(0);
    var core = new CoreV1Api(client);
    core.createNamespace(new V1Namespace().metadata(new V1ObjectMeta().name(NAMESPACE))).execute();
    var maps =
        new GenericKubernetesApi<>(
            V1ConfigMap.class, V1ConfigMapList.class, "", "v1", "configmaps", client);
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    var factory = new SharedInformerFactory(client);
    factory
        .sharedIndexInformerFor(maps, V1ConfigMap.class, 0, NAMESPACE)
        .addEventHandler(
            new ResourceEventHandler<>() {
              @Override
              public void onAdd(V1ConfigMap map) {
                seen.add("+" + name(map));
              }

              @Override
              public void onUpdate(V1ConfigMap before, V1ConfigMap map) {
                seen.add("~" + name(map));
              }

              @Override
              public void onDelete(V1ConfigMap map, boolean unknown) {
                seen.add("-" + name(map));
              }
            });
    factory.startAllRegisteredInformers();
    V1ConfigMap made = core.createNamespacedConfigMap(NAMESPACE, map("a", "1")).execute();
    expect(seen, "+a");
    V1ConfigMap changed = core.readNamespacedConfigMap("a", NAMESPACE).execute();
    changed.putDataItem("more", "x");
    core.replaceNamespacedConfigMap("a", NAMESPACE, changed).execute();
    expect(seen, "~a");
    made.putDataItem("stale", "x");
    refused(409, () -> core.replaceNamespacedConfigMap("a", NAMESPACE, made).execute());
    refused(409, () -> core.createNamespacedConfigMap(NAMESPACE, map("a", "1")).execute());
    refused(422, () -> core.createNamespacedConfigMap(NAMESPACE, map("No_Name", "1")).execute());
    refused(404, () -> core.readNamespacedConfigMap("none", NAMESPACE).execute());
    var patched =
        maps.patch(
            NAMESPACE, "a", V1Patch.PATCH_FORMAT_JSON_MERGE_PATCH, new V1Patch("{\"data\":{\"key\":\"2\"}}"));
    check(patched.isSuccess() && patched.getObject().getData().get("key").equals("2"), "patched");
    check(core.listNamespacedConfigMap(NAMESPACE).limit(1).execute().getItems().size() == 1, "page");
    core.deleteNamespacedConfigMap("a", NAMESPACE).execute();
    expect(seen, "-a");
    factory.stopAllRegisteredInformers();
    core.deleteNamespace(NAMESPACE).execute();
    System.out.println("ok");
    System.exit(0);
  }

  private static String name(KubernetesObject object) {
    return object.getMetadata().getName();
  }

  private static V1ConfigMap map(String name, String value) {
    return new V1ConfigMap().metadata(new V1ObjectMeta().name(name)).data(Map.of("key", value));
  }

  private static void refused(int code, Call call) {
    try {
      call.run();
    } catch (ApiException e) {
      check(e.getCode() == code, e.getCode() + " instead of " + code + ": " + e.getResponseBody());
      return;
    }
    throw new AssertionError("not refused with " + code);
  }
}
