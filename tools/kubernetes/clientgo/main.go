// Works with the server of $KUBECONFIG as programs do that are built on client-go: each check that fails is told, and ends the program with 1.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

const namespace = "clientgo"

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	config.QPS, config.Burst = 1000, 1000
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	set := kubernetes.NewForConfigOrDie(config)
	if _, err := set.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	failed := 0
	for _, check := range []struct {
		name string
		run  func(context.Context, *rest.Config, *kubernetes.Clientset) error
	}{
		{"discovery", discovery},
		{"typed client, JSON", typed("application/json", "json")},
		{"typed client, protobuf", typed("application/vnd.kubernetes.protobuf", "proto")},
		{"informers", informer},
		{"leader election", election},
		{"dynamic client", dynamically},
		{"metadata client", metadataOnly},
		{"apply configurations", apply},
		{"pages", pages},
		{"errors", errors},
	} {
		if err := check.run(ctx, config, set); err != nil {
			failed++
			fmt.Printf("FAILED %s: %v\n", check.name, err)
		} else {
			fmt.Printf("ok %s\n", check.name)
		}
	}
	if err := set.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		failed++
		fmt.Printf("FAILED delete: %v\n", err)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func discovery(_ context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	lists, err := set.Discovery().ServerPreferredResources()
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			found[list.GroupVersion+"/"+resource.Name] = true
		}
	}
	for _, wanted := range []string{"v1/pods", "apps/v1/deployments", "batch/v1/cronjobs", "discovery.k8s.io/v1/endpointslices"} {
		if !found[wanted] {
			return fmt.Errorf("%s is not there", wanted)
		}
	}
	document, err := set.Discovery().OpenAPISchema()
	if err != nil {
		return fmt.Errorf("openapi v2: %w", err)
	}
	pod := false
	for _, definition := range document.GetDefinitions().GetAdditionalProperties() {
		pod = pod || definition.Name == "io.k8s.api.core.v1.PodSpec" && len(definition.Value.GetProperties().GetAdditionalProperties()) > 20
	}
	if !pod {
		return fmt.Errorf("openapi v2 has no PodSpec")
	}
	paths, err := set.Discovery().OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	if _, err := paths["apis/apps/v1"].Schema(runtime.ContentTypeJSON); err != nil {
		return fmt.Errorf("openapi v3: %w", err)
	}
	return nil
}

func typed(contentType, name string) func(context.Context, *rest.Config, *kubernetes.Clientset) error {
	return func(ctx context.Context, config *rest.Config, _ *kubernetes.Clientset) error {
		own := rest.CopyConfig(config)
		own.ContentType = contentType
		own.AcceptContentTypes = contentType + ",application/json"
		maps := kubernetes.NewForConfigOrDie(own).CoreV1().ConfigMaps(namespace)
		made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"by": name}}, Data: map[string]string{"n": "0"}}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		// Somebody else writes between, so the first attempt conflicts.
		between := made.DeepCopy()
		between.Data["other"] = "x"
		if _, err := maps.Update(ctx, between, metav1.UpdateOptions{}); err != nil {
			return err
		}
		attempts := 0
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			attempts++
			next := made
			if attempts > 1 {
				if next, err = maps.Get(ctx, name, metav1.GetOptions{}); err != nil {
					return err
				}
			}
			next.Data["n"] = "1"
			_, err := maps.Update(ctx, next, metav1.UpdateOptions{})
			return err
		})
		if err != nil || attempts != 2 {
			return fmt.Errorf("%d attempts, %v", attempts, err)
		}
		list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "by=" + name})
		if err != nil || len(list.Items) != 1 || list.Items[0].Data["n"] != "1" || list.Items[0].Data["other"] != "x" {
			return fmt.Errorf("%v, %v", list, err)
		}
		uid := types.UID("other")
		err = maps.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
		if !apierrors.IsConflict(err) {
			return fmt.Errorf("a wrong UID: %v", err)
		}
		return maps.Delete(ctx, name, metav1.DeleteOptions{})
	}
}

func informer(ctx context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	maps := set.CoreV1().ConfigMaps(namespace)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "early"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(set, 0, informers.WithNamespace(namespace))
	shared := factory.Core().V1().ConfigMaps()
	seen := make(chan string, 100)
	_, err := shared.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { seen <- "+" + o.(*corev1.ConfigMap).Name },
		UpdateFunc: func(_, o any) { seen <- "~" + o.(*corev1.ConfigMap).Name },
		DeleteFunc: func(o any) {
			if m, ok := o.(*corev1.ConfigMap); ok {
				seen <- "-" + m.Name
			}
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), shared.Informer().HasSynced) {
		return fmt.Errorf("the cache did not fill")
	}
	if err := expect(ctx, seen, "+early"); err != nil {
		return err
	}
	late, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := expect(ctx, seen, "+late"); err != nil {
		return err
	}
	late.Data = map[string]string{"a": "b"}
	if _, err := maps.Update(ctx, late, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err := expect(ctx, seen, "~late"); err != nil {
		return err
	}
	listed, err := shared.Lister().ConfigMaps(namespace).List(labels.Everything())
	if err != nil || len(listed) < 2 {
		return fmt.Errorf("%d listed, %v", len(listed), err)
	}
	for _, name := range []string{"late", "early"} {
		if err := maps.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		if err := expect(ctx, seen, "-"+name); err != nil {
			return err
		}
	}
	return nil
}

func expect(ctx context.Context, seen chan string, wanted string) error {
	for {
		select {
		case got := <-seen:
			if got == wanted {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("%s never came", wanted)
		}
	}
}

func election(ctx context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	var lock sync.Mutex
	leaders := []string{}
	leads := make(chan string, 2)
	candidate := func(name string) (context.CancelFunc, chan struct{}) {
		own, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			leaderelection.RunOrDie(own, leaderelection.LeaderElectionConfig{
				Lock: &resourcelock.LeaseLock{
					LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: namespace},
					Client:     set.CoordinationV1(),
					LockConfig: resourcelock.ResourceLockConfig{Identity: name},
				},
				LeaseDuration: 5 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
				Callbacks: leaderelection.LeaderCallbacks{
					OnStartedLeading: func(context.Context) {
						lock.Lock()
						leaders = append(leaders, name)
						lock.Unlock()
						leads <- name
					},
					OnStoppedLeading: func() {},
				},
			})
			close(ended)
		}()
		return cancel, ended
	}
	stopFirst, firstEnded := candidate("first")
	if err := expect(ctx, leads, "first"); err != nil {
		return err
	}
	stopSecond, secondEnded := candidate("second")
	defer stopSecond()
	stopFirst()
	<-firstEnded
	if err := expect(ctx, leads, "second"); err != nil {
		return err
	}
	lease, err := set.CoordinationV1().Leases(namespace).Get(ctx, "leader", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity != "second" {
		return fmt.Errorf("%v, %v", lease, err)
	}
	stopSecond()
	<-secondEnded
	return nil
}

func dynamically(ctx context.Context, config *rest.Config, _ *kubernetes.Clientset) error {
	deployments := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace(namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "dyn"},
		"spec": map[string]any{
			"replicas": int64(0), "selector": map[string]any{"matchLabels": map[string]any{"a": "b"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"a": "b"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "x"}}},
			},
		},
	}}
	if _, err := deployments.Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return err
	}
	watch, err := deployments.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=dyn"})
	if err != nil {
		return err
	}
	defer watch.Stop()
	if _, err := deployments.Patch(ctx, "dyn", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{}); err != nil {
		return err
	}
	for event := range watch.ResultChan() {
		if event.Object.(*unstructured.Unstructured).GetLabels()["x"] == "y" {
			break
		}
	}
	scale, err := deployments.Get(ctx, "dyn", metav1.GetOptions{}, "scale")
	if err != nil || scale.GetKind() != "Scale" {
		return fmt.Errorf("%v, %v", scale, err)
	}
	return deployments.Delete(ctx, "dyn", metav1.DeleteOptions{})
}

func metadataOnly(ctx context.Context, config *rest.Config, _ *kubernetes.Clientset) error {
	maps := metadata.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/metadata.name=" + namespace})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != namespace {
		return fmt.Errorf("%v, %v", list, err)
	}
	return nil
}

func apply(ctx context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	deployments := set.AppsV1().Deployments(namespace)
	wanted := func(image string) *applyapps.DeploymentApplyConfiguration {
		return applyapps.Deployment("applied", namespace).WithSpec(applyapps.DeploymentSpec().WithReplicas(0).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(map[string]string{"a": "c"})).
			WithTemplate(applycore.PodTemplateSpec().WithLabels(map[string]string{"a": "c"}).
				WithSpec(applycore.PodSpec().WithContainers(applycore.Container().WithName("c").WithImage(image)))))
	}
	first, err := deployments.Apply(ctx, wanted("x:1"), metav1.ApplyOptions{FieldManager: "first"})
	if err != nil {
		return err
	}
	again, err := deployments.Apply(ctx, wanted("x:1"), metav1.ApplyOptions{FieldManager: "first"})
	if err != nil || again.Generation != first.Generation {
		return fmt.Errorf("applied twice: %v, %v", again, err)
	}
	if _, err := deployments.Apply(ctx, wanted("x:2"), metav1.ApplyOptions{FieldManager: "second"}); !apierrors.IsConflict(err) {
		return fmt.Errorf("no conflict: %v", err)
	}
	forced, err := deployments.Apply(ctx, wanted("x:2"), metav1.ApplyOptions{FieldManager: "second", Force: true})
	if err != nil || forced.Spec.Template.Spec.Containers[0].Image != "x:2" {
		return fmt.Errorf("forced: %v, %v", forced, err)
	}
	// What the first manager still owns, as an apply configuration to go on with.
	mine, err := applyapps.ExtractDeployment(forced, "first")
	if err != nil || mine.Spec == nil || mine.Spec.Template.Spec.Containers[0].Image != nil {
		return fmt.Errorf("extracted: %v, %v", mine, err)
	}
	var known *appsv1.Deployment
	if known, err = deployments.Get(ctx, "applied", metav1.GetOptions{}); err != nil || len(known.ManagedFields) < 2 {
		return fmt.Errorf("%v, %v", known, err)
	}
	return deployments.Delete(ctx, "applied", metav1.DeleteOptions{})
}

func pages(ctx context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	secrets := set.CoreV1().Secrets(namespace)
	for n := range 25 {
		if _, err := secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("s%02d", n)}}, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	reader := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) { return secrets.List(ctx, options) }))
	reader.PageSize = 10
	count := 0
	err := reader.EachListItem(ctx, metav1.ListOptions{}, func(runtime.Object) error { count++; return nil })
	if err != nil || count != 25 {
		return fmt.Errorf("%d, %v", count, err)
	}
	return secrets.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
}

func errors(ctx context.Context, _ *rest.Config, set *kubernetes.Clientset) error {
	maps := set.CoreV1().ConfigMaps(namespace)
	if _, err := maps.Get(ctx, "none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("not found: %v", err)
	}
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Bad_Name"}}, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		return fmt.Errorf("invalid: %v", err)
	}
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "twice"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "twice"}}, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("already exists: %v", err)
	}
	if _, err := set.CoreV1().ConfigMaps("nowhere").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("no namespace: %v", err)
	}
	if _, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: "1"}); err != nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		return fmt.Errorf("an old watch: %v", err)
	}
	return nil
}
