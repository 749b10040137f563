//! The tensors of an operator, asked of ONNX Runtime itself: what the `ort` crate makes of each (its type, its place, its dimensions
//! with their names) costs 2 µs an operator, and a small detector has 80.

use std::ptr;
use std::slice;

use ort::operator::ComputeContext;
use ort::sys::{ONNXTensorElementDataType, OrtStatusPtr, OrtValue};
use ort::{AsPointer, Error};

/// Has the one f32 tensor that goes in made into one of the same shape that comes out.
///
/// # Errors
/// When there is no such tensor, or no room for another.
pub(super) fn through(context: &ComputeContext, make: impl FnOnce(&[f32], &mut [f32])) -> ort::Result<()> {
    let api = ort::api();
    let missing = || Error::new("an operator without its tensors");
    let mut kind = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    let (mut dims, mut count) = (ptr::null(), 0);
    let (mut input, mut output) = (ptr::null::<OrtValue>(), ptr::null_mut::<OrtValue>());
    #[expect(
        unsafe_code,
        reason = "the context lives while its operator runs, what is written to lives here, and a null is refused"
    )]
    unsafe {
        checked((api.KernelContext_GetInput)(context.ptr(), 0, &mut input))?;
        if input.is_null() {
            return Err(missing());
        }
        let about = (api.GetTensorElementTypeAndShapeDataReference)(input, &mut kind, &mut dims, &mut count);
        checked(about)?;
        if kind != ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT {
            return Err(Error::new("an operator whose tensor is not of f32"));
        }
        checked((api.KernelContext_GetOutput)(context.ptr().cast_mut(), 0, dims, count, &mut output))?;
    }
    if output.is_null() {
        return Err(missing());
    }
    let (mut from, mut to) = (ptr::null(), ptr::null_mut());
    #[expect(
        unsafe_code,
        reason = "dims are the input's, which has just told how many; both tensors are there until the operator returns"
    )]
    unsafe {
        let dims = if count == 0 { &[] } else { slice::from_raw_parts(dims, count) };
        let sizes = dims.iter().map(|&dim| usize::try_from(dim).ok());
        let values = sizes.product::<Option<usize>>().ok_or_else(missing)?;
        if values == 0 {
            return Ok(());
        }
        checked((api.GetTensorData)(input, &mut from))?;
        checked((api.GetTensorMutableData)(output, &mut to))?;
        if from.is_null() || to.is_null() {
            return Err(missing());
        }
        make(slice::from_raw_parts(from.cast(), values), slice::from_raw_parts_mut(to.cast(), values));
    }
    Ok(())
}

#[expect(unsafe_code, reason = "it is only given what a function of ONNX Runtime has just returned")]
fn checked(status: OrtStatusPtr) -> ort::Result<()> {
    unsafe { Error::result_from_status(status) }
}
