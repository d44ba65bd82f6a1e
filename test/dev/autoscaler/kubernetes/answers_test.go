// Answers the questions of questions.ts by the code of the HPA controller itself. It stands in a copy of the folder
// pkg/controller/podautoscaler of Kubernetes (*.go without tests), in a module that requires k8s.io/kubernetes:
//
//	QUESTIONS=questions.json ANSWERS=answers.json go test ./podautoscaler -run Answers
package podautoscaler

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

type rules struct {
	WindowSeconds int32
	SelectPolicy  string
	Tolerance     string
	Policies      []struct {
		Type          string
		Value         int32
		PeriodSeconds int32
	}
}

type past struct {
	Count      int32
	SecondsAgo float64
}

type pod struct {
	Ready     bool
	Used      *int64
	Requested int64
}

type question struct {
	MetricType      string // AverageValue, Value, Utilization, UsedValue
	Target          float64
	Messages        int64
	Pods            []pod
	Replicas        int32
	Running         int32
	Min, Max        int32
	ScaleUp         *rules
	ScaleDown       *rules
	Recommendations []past
	Changes         []past
}

type fakeMetrics struct {
	metricsclient.MetricsClient
	milli int64
	pods  metricsclient.PodMetricsInfo
}

func (f fakeMetrics) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	return []int64{f.milli}, time.Now(), nil
}

func (f fakeMetrics) GetResourceMetric(context.Context, v1.ResourceName, string, labels.Selector, string) (metricsclient.PodMetricsInfo, time.Time, error) {
	return f.pods, time.Now(), nil
}

func rulesOf(r *rules) *autoscaling.HPAScalingRules {
	tolerance := resource.MustParse(r.Tolerance)
	policy := autoscaling.ScalingPolicySelect(r.SelectPolicy)
	out := &autoscaling.HPAScalingRules{StabilizationWindowSeconds: &r.WindowSeconds, SelectPolicy: &policy, Tolerance: &tolerance}
	for _, p := range r.Policies {
		out.Policies = append(out.Policies, autoscaling.HPAScalingPolicy{Type: autoscaling.HPAScalingPolicyType(p.Type), Value: p.Value, PeriodSeconds: p.PeriodSeconds})
	}
	return out
}

func answer(q question) int32 {
	key := "ns/hpa"
	now := time.Now()
	ago := func(s float64) time.Time { return now.Add(-time.Duration(s * float64(time.Second))) }
	fake := fakeMetrics{milli: q.Messages * 1000, pods: metricsclient.PodMetricsInfo{}}
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for i, p := range q.Pods {
		name := fmt.Sprintf("pod-%d", i)
		status := v1.ConditionFalse
		if p.Ready {
			status = v1.ConditionTrue
		}
		started := metav1.NewTime(ago(3600))
		// Never ready, or ready for long: the periods of initial readiness are no part of the question.
		changed := metav1.NewTime(ago(3600))
		if p.Used != nil {
			fake.pods[name] = metricsclient.PodMetric{Value: *p.Used, Timestamp: now, Window: time.Minute}
		}
		_ = indexer.Add(&v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Labels: map[string]string{"a": "b"}},
			Spec: v1.PodSpec{Containers: []v1.Container{{Name: "c", Resources: v1.ResourceRequirements{
				Requests: v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(p.Requested, resource.DecimalSI)}}}}},
			Status: v1.PodStatus{Phase: v1.PodRunning, StartTime: &started, Conditions: []v1.PodCondition{{Type: v1.PodReady, Status: status, LastTransitionTime: changed}}},
		})
	}
	lister := corelisters.NewPodLister(indexer)
	a := &HorizontalController{
		eventRecorder: &record.FakeRecorder{}, tolerance: 0.1, downscaleStabilisationWindow: 5 * time.Minute,
		replicaCalc:     NewReplicaCalculator(fake, lister, 5*time.Minute, 30*time.Second),
		recommendations: map[string][]timestampedRecommendation{},
		scaleUpEvents:   map[string][]timestampedScaleEvent{}, scaleDownEvents: map[string][]timestampedScaleEvent{},
	}
	for _, r := range q.Recommendations {
		a.recommendations[key] = append(a.recommendations[key], timestampedRecommendation{r.Count, ago(r.SecondsAgo)})
	}
	for _, c := range q.Changes {
		if c.Count > 0 {
			a.scaleUpEvents[key] = append(a.scaleUpEvents[key], timestampedScaleEvent{c.Count, ago(c.SecondsAgo), false})
		} else {
			a.scaleDownEvents[key] = append(a.scaleDownEvents[key], timestampedScaleEvent{-c.Count, ago(c.SecondsAgo), false})
		}
	}
	hpa := &autoscaling.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "hpa", Namespace: "ns"}}
	hpa.Spec.MaxReplicas = q.Max
	hpa.Spec.MinReplicas = &q.Min
	if q.ScaleUp != nil {
		hpa.Spec.Behavior = &autoscaling.HorizontalPodAutoscalerBehavior{ScaleUp: rulesOf(q.ScaleUp), ScaleDown: rulesOf(q.ScaleDown)}
	}
	if q.Replicas > q.Max {
		return q.Max
	}
	if q.Replicas < q.Min {
		return q.Min
	}
	selector := labels.SelectorFromSet(labels.Set{"a": "b"})
	spec := autoscaling.MetricSpec{}
	target := resource.NewMilliQuantity(int64(q.Target*1000), resource.DecimalSI)
	var proposal int32
	var err error
	switch q.MetricType {
	case "AverageValue":
		spec.External = &autoscaling.ExternalMetricSource{Target: autoscaling.MetricTarget{AverageValue: target}}
	case "Value":
		spec.External = &autoscaling.ExternalMetricSource{Target: autoscaling.MetricTarget{Value: target}}
	case "Utilization":
		percent := int32(q.Target)
		spec.Resource = &autoscaling.ResourceMetricSource{Name: v1.ResourceCPU, Target: autoscaling.MetricTarget{AverageUtilization: &percent}}
	case "UsedValue":
		spec.Resource = &autoscaling.ResourceMetricSource{Name: v1.ResourceCPU, Target: autoscaling.MetricTarget{AverageValue: resource.NewMilliQuantity(int64(q.Target), resource.DecimalSI)}}
	}
	status := autoscaling.MetricStatus{}
	if spec.External != nil {
		spec.External.Metric.Selector = &metav1.LabelSelector{}
		proposal, _, _, _, err = a.computeStatusForExternalMetric(q.Replicas, q.Running, spec, hpa, selector, &status)
	} else {
		proposal, _, _, _, err = a.computeStatusForResourceMetric(context.Background(), q.Replicas, spec, hpa, selector, &status)
	}
	if err != nil {
		return q.Replicas
	}
	if hpa.Spec.Behavior == nil {
		return a.normalizeDesiredReplicas(hpa, key, q.Replicas, proposal, q.Min)
	}
	return a.normalizeDesiredReplicasWithBehaviors(hpa, key, q.Replicas, proposal, q.Min)
}

func TestAnswers(t *testing.T) {
	text, err := os.ReadFile(os.Getenv("QUESTIONS"))
	if err != nil {
		t.Fatal(err)
	}
	var questions []question
	if err := json.Unmarshal(text, &questions); err != nil {
		t.Fatal(err)
	}
	answers := []int32{}
	for _, q := range questions {
		answers = append(answers, answer(q))
	}
	out, _ := json.Marshal(answers)
	if err := os.WriteFile(os.Getenv("ANSWERS"), out, 0o644); err != nil {
		t.Fatal(err)
	}
}
