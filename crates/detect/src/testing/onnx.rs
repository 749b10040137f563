//! Writes tiny ONNX files: protobuf by hand, after onnx.proto of ONNX 1.15 (field numbers beside each use),
//! so that tests have models of any shape without a binary fixture.

/// A message under construction.
#[derive(Default, Clone)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }
}

/// Element types of TensorProto.
pub(crate) const FLOAT: i64 = 1;
pub(crate) const INT64: i64 = 7;

/// A graph under construction.
#[derive(Clone, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

/// ValueInfoProto: name 1, type 2; TypeProto.tensor_type 1; elem_type 1, shape 2; dim 1; dim_value 1,
/// dim_param 2. A dimension of -1 is called `batch`.
fn value_info(name: &str, element: i64, shape: &[i64]) -> Message {
    let mut dims = Message::default();
    for dim in shape {
        let d = Message::default();
        dims = dims.message(1, &if *dim < 0 { d.text(2, "batch") } else { d.int(1, *dim) });
    }
    let tensor = Message::default().int(1, element).message(2, &dims);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

impl Graph {
    pub(crate) fn input(mut self, name: &str, element: i64, shape: &[i64]) -> Self {
        self.inputs.push(value_info(name, element, shape));
        self
    }

    pub(crate) fn output(mut self, name: &str, element: i64, shape: &[i64]) -> Self {
        self.outputs.push(value_info(name, element, shape));
        self
    }

    /// NodeProto: input 1, output 2, op_type 4, attribute 5; AttributeProto: name 1, ints 8, type 20 (INTS 7).
    pub(crate) fn node(mut self, op: &str, inputs: &[&str], output: &str, ints: &[(&str, &[i64])]) -> Self {
        let mut node = Message::default();
        for input in inputs {
            node = node.text(1, input);
        }
        node = node.text(2, output).text(4, op);
        for (name, values) in ints {
            let mut attribute = Message::default().text(1, name);
            for value in *values {
                attribute = attribute.int(8, *value);
            }
            node = node.message(5, &attribute.int(20, 7));
        }
        self.nodes.push(node);
        self
    }

    /// TensorProto: dims 1, data_type 2, name 8, raw_data 9.
    fn initializer(mut self, name: &str, element: i64, shape: &[i64], raw: &[u8]) -> Self {
        let mut tensor = Message::default();
        for dim in shape {
            tensor = tensor.int(1, *dim);
        }
        self.initializers.push(tensor.int(2, element).text(8, name).bytes(9, raw));
        self
    }

    pub(crate) fn floats(self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, FLOAT, shape, &raw)
    }

    pub(crate) fn int64s(self, name: &str, values: &[i64]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, INT64, &[values.len() as i64], &raw)
    }

    /// ModelProto: ir_version 1, graph 7, opset_import 8 (version 2); GraphProto: node 1, name 2,
    /// initializer 5, input 11, output 12.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, "tiny");
        for (field, list) in [(5, &self.initializers), (11, &self.inputs), (12, &self.outputs)] {
            for item in list {
                graph = graph.message(field, item);
            }
        }
        Message::default().int(1, 8).message(7, &graph).message(8, &Message::default().int(2, 13)).0
    }
}

/// A model that sees one box of 8 × 8 px in the middle of its 16 × 16 px input, as `car` with the picture's mean
/// red as score and as `bus` with its mean green: layout `yolov8`, two labels, one box.
pub(crate) fn mean_colour(batch: i64) -> Graph {
    let pixels = 16 * 16;
    let mut weights = vec![0.0; 6 * 3 * pixels];
    let mean = 1.0 / pixels as f32;
    weights[4 * 3 * pixels..][..pixels].fill(mean);
    weights[(5 * 3 + 1) * pixels..][..pixels].fill(mean);
    Graph::default()
        .input("images", FLOAT, &[batch, 3, 16, 16])
        .output("out", FLOAT, &[batch, 6, 1])
        .floats("weights", &[6, 3, 16, 16], &weights)
        .floats("bias", &[6], &[8.0, 8.0, 8.0, 8.0, 0.0, 0.0])
        .int64s("shape", &[0, 6, 1])
        .node("Conv", &["images", "weights", "bias"], "conv", &[("kernel_shape", &[16, 16])])
        .node("Reshape", &["conv", "shape"], "out", &[])
}

/// The manifest of [`mean_colour`], after `sha256`.
pub(crate) const MEAN_COLOUR: &str = r#"
layout = "yolov8"
labels = 2
input = { name = "images", width = 16, height = 16, colour = "rgb", scale = 0.003921569, resize = "stretch" }
output = { predictions = "out" }
classes = { 0 = "car", 1 = "bus" }
"#;
