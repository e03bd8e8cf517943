package dev.slipway.runtime.kubernetes;

import dev.slipway.model.object.KubeObject;
import dev.slipway.model.object.OwnerReference;
import java.util.ArrayList;
import java.util.List;

/// Who owns an object, as terms to look it up by: the UIDs of its owners, and the rollout that made
/// it. A Rollout is no object of the remote cluster, so that no owner reference can name it there:
/// Kubernetes would take the owner for deleted and collect the object.
final class Owners {
  /// The rollout, in the object's namespace, that a replication controller belongs to.
  static final String ROLLOUT = "slipway.dev/rollout";

  private Owners() {}

  static String rollout(String namespace, String name) {
    return "rollout " + namespace + "/" + name;
  }

  static List<String> of(KubeObject object) {
    var terms = new ArrayList<String>(2);
    for (OwnerReference owner : object.owners()) {
      terms.add(owner.uid());
    }
    object.annotation(ROLLOUT).ifPresent(name -> terms.add(rollout(object.namespace(), name)));
    return terms;
  }
}
