package preprocess

// #cgo pkg-config: libjpeg libwebp libwebpdemux
// #cgo CFLAGS: -std=c11 -Wall -Wextra
import "C"
