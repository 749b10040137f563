//! Whether a graph is what its manifest says: names, element types and shapes of every input and output,
//! and no output that the layout does not name. Pure: the graph is given as plain [`Port`]s.

use ort::session::Session;
use ort::value::{Outlet, TensorElementType};

use crate::manifest::{InputSpec, Layout, Manifest, TensorOrder};

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Port {
    /// Its name in the graph.
    pub name: String,
    /// `None` for what is not a tensor.
    pub element: Option<TensorElementType>,
    /// -1 for what is only known when the model runs.
    pub shape: Vec<i64>,
}

impl Port {
    fn of(outlet: &Outlet) -> Self {
        let dtype = outlet.dtype();
        Self {
            name: outlet.name().to_owned(),
            element: dtype.tensor_type(),
            shape: dtype.tensor_shape().map(|s| s.iter().copied().collect()).unwrap_or_default(),
        }
    }

    fn describe(&self) -> String {
        let element = self.element.map_or_else(|| "no tensor".to_owned(), |e| e.to_string());
        format!("{element} {}", describe_shape(&self.shape))
    }
}

fn describe_shape(shape: &[i64]) -> String {
    let dims: Vec<_> = shape.iter().map(|d| if *d < 0 { "?".to_owned() } else { d.to_string() }).collect();
    format!("[{}]", dims.join(","))
}

/// How many frames go through in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batch {
    /// As many as one likes.
    Dynamic,
    /// Always so many.
    Fixed(usize),
}

/// The inputs and outputs of a session.
pub(crate) fn ports(session: &Session) -> (Vec<Port>, Vec<Port>) {
    (session.inputs().iter().map(Port::of).collect(), session.outputs().iter().map(Port::of).collect())
}

/// A dimension that a layout expects.
#[derive(Clone, Copy)]
enum Dim {
    /// The same as the input's first.
    Batch,
    /// Exactly.
    Is(i64),
    /// At least one.
    Some,
}

/// Compares a graph with a manifest.
///
/// # Errors
/// Everything that differs, one sentence each.
pub(crate) fn check(manifest: &Manifest, inputs: &[Port], outputs: &[Port]) -> Result<Batch, Vec<String>> {
    let mut mistakes = Vec::new();
    let batch = check_inputs(&manifest.input, inputs, &mut mistakes);
    let wanted = wanted_outputs(manifest);
    for port in outputs {
        if !manifest.outputs.values().any(|name| *name == port.name) {
            mistakes.push(format!(
                "the graph has an output {:?} ({}) that layout {} does not name; such a model is refused",
                port.name,
                port.describe(),
                manifest.layout.as_str()
            ));
        }
    }
    for (role, element_is_integer, dims) in wanted {
        let Some(name) = manifest.outputs.get(role) else { continue };
        let Some(port) = outputs.iter().find(|p| p.name == *name) else {
            mistakes
                .push(format!("output.{role} is {name:?}, but the graph's outputs are: {}", names(outputs)));
            continue;
        };
        let element_fits = match port.element {
            Some(TensorElementType::Float32) => !element_is_integer,
            Some(TensorElementType::Int64 | TensorElementType::Int32) => element_is_integer,
            _ => false,
        };
        if !element_fits || !shape_fits(&port.shape, &dims, batch) {
            let element = if element_is_integer { "i64 or i32" } else { "f32" };
            mistakes.push(format!(
                "output.{role} {name:?} is {}, but layout {} wants {element} {}",
                port.describe(),
                manifest.layout.as_str(),
                describe_dims(&dims)
            ));
        }
    }
    if mistakes.is_empty() { Ok(batch) } else { Err(mistakes) }
}

fn names(ports: &[Port]) -> String {
    ports.iter().map(|p| format!("{:?}", p.name)).collect::<Vec<_>>().join(" ")
}

fn check_inputs(spec: &InputSpec, inputs: &[Port], mistakes: &mut Vec<String>) -> Batch {
    let (height, width) = (i64::from(spec.height), i64::from(spec.width));
    let picture = match spec.tensor {
        TensorOrder::Nchw => [3, height, width],
        TensorOrder::Nhwc => [height, width, 3],
    };
    let mut batch = Batch::Fixed(1);
    match inputs.iter().find(|p| p.name == spec.name) {
        None => {
            mistakes.push(format!(
                "input.name is {:?}, but the graph's inputs are: {}",
                spec.name,
                names(inputs)
            ));
        }
        Some(port) => {
            let fits = port.shape.len() == 4
                && port.shape[0] != 0
                && port.shape[1..].iter().zip(picture).all(|(have, want)| *have < 0 || *have == want);
            if !fits || port.element != Some(TensorElementType::Float32) {
                mistakes.push(format!(
                    "input {:?} is {}, but the manifest says f32 [batch,{},{},{}]",
                    port.name,
                    port.describe(),
                    picture[0],
                    picture[1],
                    picture[2]
                ));
            }
            if let Some(first) = port.shape.first() {
                batch = usize::try_from(*first).map_or(Batch::Dynamic, |n| Batch::Fixed(n.max(1)));
            }
        }
    }
    for port in inputs.iter().filter(|p| p.name != spec.name) {
        if spec.size_input.as_ref() != Some(&port.name) {
            mistakes.push(format!(
                "the graph wants an input {:?} ({}) that the manifest does not name",
                port.name,
                port.describe()
            ));
        }
    }
    if let Some(size) = &spec.size_input {
        let dims = [Dim::Batch, Dim::Is(2)];
        let fits = |p: &&Port| {
            p.name == *size
                && p.element == Some(TensorElementType::Int64)
                && shape_fits(&p.shape, &dims, batch)
        };
        if !inputs.iter().any(|p| fits(&p)) {
            mistakes.push(format!(
                "input.size_input is {size:?}, but the graph has no such input of i64 [batch,2]; its inputs are: {}",
                names(inputs)
            ));
        }
    }
    batch
}

/// Role, whether integers, and dimensions of each output of the manifest's layout.
fn wanted_outputs(manifest: &Manifest) -> Vec<(&'static str, bool, Vec<Dim>)> {
    let labels = i64::from(manifest.labels.unwrap_or(0));
    let some = Dim::Some;
    match manifest.layout {
        Layout::YoloxRaw => {
            let cells = crate::decode::yolox::cells(manifest.input.width, manifest.input.height);
            let cells = i64::try_from(cells).unwrap_or(i64::MAX);
            vec![("predictions", false, vec![Dim::Batch, Dim::Is(cells), Dim::Is(5 + labels)])]
        }
        Layout::Yolov8 => vec![("predictions", false, vec![Dim::Batch, Dim::Is(4 + labels), some])],
        Layout::EndToEnd => vec![("detections", false, vec![Dim::Batch, some, Dim::Is(6)])],
        Layout::Detr => vec![
            ("labels", true, vec![Dim::Batch, some]),
            ("boxes", false, vec![Dim::Batch, some, Dim::Is(4)]),
            ("scores", false, vec![Dim::Batch, some]),
        ],
        Layout::Ssd => vec![
            ("boxes", false, vec![Dim::Batch, some, Dim::Is(4)]),
            ("scores", false, vec![Dim::Batch, some, Dim::Is(labels)]),
        ],
        Layout::Scene => vec![("scores", false, vec![Dim::Batch, Dim::Is(labels)])],
    }
}

fn shape_fits(shape: &[i64], dims: &[Dim], batch: Batch) -> bool {
    shape.len() == dims.len()
        && shape.iter().zip(dims).all(|(have, want)| {
            *have < 0
                || match (want, batch) {
                    // An output that is fixed where the input is not would lose all frames but one.
                    (Dim::Batch, Batch::Dynamic) => false,
                    (Dim::Batch, Batch::Fixed(n)) => usize::try_from(*have) == Ok(n),
                    (Dim::Is(n), _) => have == n,
                    (Dim::Some, _) => *have >= 1,
                }
        })
}

fn describe_dims(dims: &[Dim]) -> String {
    let dims: Vec<_> = dims
        .iter()
        .map(|dim| match dim {
            Dim::Batch => "batch".to_owned(),
            Dim::Is(n) => n.to_string(),
            Dim::Some => "any".to_owned(),
        })
        .collect();
    format!("[{}]", dims.join(","))
}
