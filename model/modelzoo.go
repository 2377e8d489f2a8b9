package model

import "errors"

// useModelZoo reads a folder as the ONNX Model Zoo lays them out: synset.txt or labels.txt beside the model. It says nothing about
// preprocessing.
func (f *folder) useModelZoo() error {
	for _, name := range []string{"synset.txt", "labels.txt"} {
		there, err := f.exists(name)
		if err != nil {
			return err
		}
		if there {
			f.layout = LayoutModelZoo
			f.labels = func() ([]string, error) { return f.labelFile(name) }
			return nil
		}
	}
	return nil
}

func (f *folder) labelFile(name string) ([]string, error) {
	data, err := f.read(name)
	if err != nil {
		return nil, err
	}
	labels, err := ParseLabels(data)
	if err != nil {
		return nil, inFile(name, err)
	}
	if len(labels) == 0 {
		return nil, inFile(name, errors.New("no labels in it"))
	}
	return labels, nil
}
