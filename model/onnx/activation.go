package onnx

import "github.com/tagbeam/tagbeam/model/onnx/onnxpb"

// Activation is the function that an output is the result of.
type Activation string

// The activations Inspect tells apart.
const (
	ActivationNone       Activation = "none"       // logits, or anything else
	ActivationSoftmax    Activation = "softmax"    // probabilities that add up to 1
	ActivationLogSoftmax Activation = "logsoftmax" // their logarithms
	ActivationSigmoid    Activation = "sigmoid"    // one probability a class, independent of the others
)

// passThrough are the operators that exporters put behind an activation and that change neither which number belongs to
// which class nor, but for rounding, the number.
var passThrough = map[string]bool{
	"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Identity": true, "Cast": true, "Dropout": true,
	"QuantizeLinear": true, "DequantizeLinear": true,
}

var activations = map[string]Activation{
	"Softmax": ActivationSoftmax, "QLinearSoftmax": ActivationSoftmax,
	"LogSoftmax": ActivationLogSoftmax,
	"Sigmoid":    ActivationSigmoid, "HardSigmoid": ActivationSigmoid, "QLinearSigmoid": ActivationSigmoid,
}

func producersOf(g *onnxpb.GraphProto) map[string]*onnxpb.NodeProto {
	producers := make(map[string]*onnxpb.NodeProto, len(g.Node))
	for _, n := range g.Node {
		for _, out := range n.Output {
			producers[out] = n
		}
	}
	return producers
}

// activationOf walks back from a tensor to the operator that made its values.
func activationOf(tensor string, producers map[string]*onnxpb.NodeProto) Activation {
	for range len(producers) + 1 { // a malformed graph may have a cycle
		n := producers[tensor]
		if n == nil || len(n.Input) == 0 {
			return ActivationNone
		}
		switch op := n.GetOpType(); {
		case passThrough[op]:
			tensor = n.Input[0]
		case activations[op] != "":
			return activations[op]
		case op == "Log" && activationOf(n.Input[0], producers) == ActivationSoftmax:
			return ActivationLogSoftmax
		case isDecomposedSoftmax(n, producers):
			return ActivationSoftmax
		default:
			return ActivationNone
		}
	}
	return ActivationNone
}

// isDecomposedSoftmax recognises exp(x) / sum(exp(x)), as old TensorFlow exporters write softmax.
func isDecomposedSoftmax(n *onnxpb.NodeProto, producers map[string]*onnxpb.NodeProto) bool {
	if n.GetOpType() != "Div" || len(n.Input) != 2 {
		return false
	}
	sum := producers[n.Input[1]]
	return producers[n.Input[0]].GetOpType() == "Exp" && sum.GetOpType() == "ReduceSum" &&
		len(sum.GetInput()) > 0 && sum.Input[0] == n.Input[0]
}
