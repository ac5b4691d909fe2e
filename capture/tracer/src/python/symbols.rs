// SPDX-License-Identifier: Apache-2.0
//! [`Symbols`]: the functions and objects of the interpreter that the tracer uses, found by name at run time.
//!
//! All are exported by every CPython that is supported, except those that are options. Nothing is linked, so that one
//! library serves all versions, and interpreters with and without a `libpython`.

use super::Refusal;
use std::ffi::{CStr, c_char, c_int, c_void};

/// A `PyObject *`.
pub(super) type Object = *mut c_void;

/// `PyMemAllocatorEx`, the same since 3.5.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct MemoryFunctions {
    pub(super) context: *mut c_void,
    pub(super) malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    pub(super) calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    pub(super) realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    pub(super) free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

/// `PyMethodDef`.
#[repr(C)]
pub(super) struct MethodDefinition {
    pub(super) name: *const c_char,
    pub(super) function: unsafe extern "C" fn(Object, Object) -> Object,
    pub(super) flags: c_int,
    pub(super) documentation: *const c_char,
}

// SAFETY: it is never written to, and its strings are constants.
unsafe impl Sync for MethodDefinition {}

/// Declares the struct and how each member is found: `required`, or `optional` where some versions lack it.
macro_rules! symbols {
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@find required $name:expr) => { find($name).ok_or(Refusal::Missing($name))? };
    (@find optional $name:expr) => { find($name) };
    ($($need:ident $member:ident: $type:ty = $name:literal;)*) => {
        /// What the tracer uses of the interpreter, by its names there.
        pub(super) struct Symbols {
            $(pub(super) $member: symbols!(@type $need $type),)*
        }

        impl Symbols {
            /// Finds them all.
            pub(super) fn find() -> Result<Self, Refusal> {
                // SAFETY: each has the type that CPython's headers declare for its name, in all supported versions.
                unsafe { Ok(Self { $($member: symbols!(@find $need $name),)* }) }
            }
        }
    };
}

symbols! {
    required is_initialized: unsafe extern "C" fn() -> c_int = c"Py_IsInitialized";
    required system_object: unsafe extern "C" fn(*const c_char) -> Object = c"PySys_GetObject";
    required add_pending_call: unsafe extern "C" fn(unsafe extern "C" fn(*mut c_void) -> c_int, *mut c_void) -> c_int
        = c"Py_AddPendingCall";
    // Thread states.
    required this_thread_state: unsafe extern "C" fn() -> usize = c"PyGILState_GetThisThreadState";
    optional unchecked_thread_state: unsafe extern "C" fn() -> usize = c"PyThreadState_GetUnchecked";
    optional private_unchecked_thread_state: unsafe extern "C" fn() -> usize = c"_PyThreadState_UncheckedGet";
    optional enter_tracing: unsafe extern "C" fn(usize) = c"PyThreadState_EnterTracing";
    optional leave_tracing: unsafe extern "C" fn(usize) = c"PyThreadState_LeaveTracing";
    // Memory that is read as it is.
    required runtime: *const u8 = c"_PyRuntime";
    required code_type: *mut u8 = c"PyCode_Type";
    required list_type: *const u8 = c"PyList_Type";
    required string_type: *const u8 = c"PyUnicode_Type";
    // Lists.
    required list_size: unsafe extern "C" fn(Object) -> isize = c"PyList_Size";
    required list_item: unsafe extern "C" fn(Object, isize) -> Object = c"PyList_GetItem";
    // Memory management.
    required get_allocator: unsafe extern "C" fn(c_int, *mut MemoryFunctions) = c"PyMem_GetAllocator";
    required set_allocator: unsafe extern "C" fn(c_int, *const MemoryFunctions) = c"PyMem_SetAllocator";
    optional allocator_name: unsafe extern "C" fn() -> *const c_char = c"_PyMem_GetCurrentAllocatorName";
    // What the self-test runs, and what it compares with.
    required compile: unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> Object = c"Py_CompileString";
    required evaluate: unsafe extern "C" fn(Object, Object, Object) -> Object = c"PyEval_EvalCode";
    required new_dict: unsafe extern "C" fn() -> Object = c"PyDict_New";
    required attribute: unsafe extern "C" fn(Object, *const c_char) -> Object = c"PyObject_GetAttrString";
    required set_attribute: unsafe extern "C" fn(Object, *const c_char, Object) -> c_int = c"PyObject_SetAttrString";
    required call: unsafe extern "C" fn(Object, Object) -> Object = c"PyObject_CallObject";
    required truth: Object = c"_Py_TrueStruct";
    required falsehood: Object = c"_Py_FalseStruct";
    required item_of_mapping: unsafe extern "C" fn(Object, *const c_char) -> Object = c"PyMapping_GetItemString";
    required set_item: unsafe extern "C" fn(Object, *const c_char, Object) -> c_int = c"PyDict_SetItemString";
    required clear_dict: unsafe extern "C" fn(Object) = c"PyDict_Clear";
    required new_function: unsafe extern "C" fn(*const MethodDefinition, Object, Object) -> Object = c"PyCFunction_NewEx";
    required release: unsafe extern "C" fn(Object) = c"Py_DecRef";
    required builtins: unsafe extern "C" fn() -> Object = c"PyEval_GetBuiltins";
    required none: Object = c"_Py_NoneStruct";
    required hold: unsafe extern "C" fn(Object) = c"Py_IncRef";
    required fetch_error: unsafe extern "C" fn(*mut Object, *mut Object, *mut Object) = c"PyErr_Fetch";
    required restore_error: unsafe extern "C" fn(Object, Object, Object) = c"PyErr_Restore";
    required clear_error: unsafe extern "C" fn() = c"PyErr_Clear";
    required current_frame: unsafe extern "C" fn() -> Object = c"PyEval_GetFrame";
    required frame_code: unsafe extern "C" fn(Object) -> Object = c"PyFrame_GetCode";
    required frame_back: unsafe extern "C" fn(Object) -> Object = c"PyFrame_GetBack";
    required frame_line: unsafe extern "C" fn(Object) -> c_int = c"PyFrame_GetLineNumber";
    optional frame_last_instruction: unsafe extern "C" fn(Object) -> c_int = c"PyFrame_GetLasti";
}

/// What bears this name in the program.
///
/// # Safety
/// `T` is a pointer of the type that the name has.
pub(super) unsafe fn find<T: Copy>(name: &CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<*mut c_void>()) };
    // SAFETY: the name ends with a zero.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: as the caller promises; sizes are equal.
    (!address.is_null()).then(|| unsafe { std::mem::transmute_copy(&address) })
}
