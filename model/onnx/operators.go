package onnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tagbeam/tagbeam/model/onnx/onnxpb"
)

// dynamicallyQuantized are the operators that dynamic quantisation leaves in a graph. They quantise by the range of the whole
// batch, so the result for an image depends on the images beside it.
var dynamicallyQuantized = []string{"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "com.microsoft.DynamicQuantizeMatMul", "com.microsoft.MatMulIntegerToFloat"}

// knownDomains are the operator domains that ONNX Runtime's published libraries implement.
var knownDomains = map[string]bool{
	"ai.onnx": true, "ai.onnx.ml": true, "com.microsoft": true, "com.microsoft.nchwc": true, "com.ms.internal.nhwc": true,
}

func countOperators(m *onnxpb.ModelProto, counts map[string]int) {
	eachGraph(m.Graph, func(g *onnxpb.GraphProto) {
		for _, n := range g.Node {
			counts[operatorName(n)]++
		}
	})
	for _, f := range m.Functions {
		for _, n := range f.Node {
			counts[operatorName(n)]++
		}
	}
}

func operatorName(n *onnxpb.NodeProto) string {
	if d := n.GetDomain(); d != "" && d != "ai.onnx" {
		return d + "." + n.GetOpType()
	}
	return n.GetOpType()
}

// batchDependent is Info.BatchDependent.
func batchDependent(operators map[string]int) string {
	var dynamic []string
	for _, op := range dynamicallyQuantized {
		if operators[op] > 0 {
			dynamic = append(dynamic, op)
		}
	}
	if len(dynamic) == 0 {
		return ""
	}
	return fmt.Sprintf("dynamically quantised (%s)", strings.Join(dynamic, ", "))
}

func operatorWarnings(m *onnxpb.ModelProto, info *Info) []string {
	var warnings []string
	if info.BatchDependent != "" {
		warnings = append(warnings, info.BatchDependent+": about 14 times slower than float32 on CPUs; images are run one at a time, because the "+
			"result for one would depend on the others of its batch; use static quantisation (QDQ) or float32")
	}
	if foreign := foreignOperators(m); len(foreign) > 0 {
		warnings = append(warnings, fmt.Sprintf("custom operators that ONNX Runtime does not know (%s): the model will not load; export it without them",
			strings.Join(foreign, ", ")))
	}
	return warnings
}

// foreignOperators lists, sorted, the operators of domains nobody implements here. A function that the model itself defines is
// no foreigner.
func foreignOperators(m *onnxpb.ModelProto) []string {
	local := map[string]bool{}
	for _, f := range m.Functions {
		local[f.GetDomain()+"."+f.GetName()] = true
	}
	var foreign []string
	eachGraph(m.Graph, func(g *onnxpb.GraphProto) {
		for _, n := range g.Node {
			name := operatorName(n)
			if !knownDomains[domainName(n.GetDomain())] && !local[name] && !slices.Contains(foreign, name) {
				foreign = append(foreign, name)
			}
		}
	})
	slices.Sort(foreign)
	return foreign
}
