// SPDX-License-Identifier: Apache-2.0
//! The end of the program, told by Python: after its own `atexit` functions, before the interpreter is taken apart.
//!
//! Python's `atexit` calls last what was registered first, and the tracer registers before the program runs.

use super::audit_hook::symbol;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

type Object = *mut c_void;

/// `PyMethodDef`.
#[repr(C)]
struct MethodDefinition {
    name: *const c_char,
    call: extern "C" fn(Object, Object) -> Object,
    flags: c_int,
    documentation: *const c_char,
}

// SAFETY: it is never written to.
unsafe impl Sync for MethodDefinition {}

const METH_NOARGS: c_int = 4;

static STOP: MethodDefinition =
    MethodDefinition { name: c"stop_tracing".as_ptr(), call: stop, flags: METH_NOARGS, documentation: null() };

/// Declares functions of the interpreter, and finds them all by name.
macro_rules! functions {
    ($($field:ident: $type:ty = $name:literal,)*) => {
        struct Functions { $($field: $type,)* }

        impl Functions {
            fn find() -> Option<Self> {
                Some(Self {
                    // SAFETY: CPython's function of that name has that type in all versions.
                    $($field: unsafe { std::mem::transmute::<*mut c_void, $type>(symbol($name)?) },)*
                })
            }
        }
    };
}

functions! {
    import: unsafe extern "C" fn(*const c_char) -> Object = c"PyImport_ImportModule",
    modules: unsafe extern "C" fn() -> Object = c"PyImport_GetModuleDict",
    item: unsafe extern "C" fn(Object, *const c_char) -> Object = c"PyDict_GetItemString",
    delete_item: unsafe extern "C" fn(Object, *const c_char) -> c_int = c"PyDict_DelItemString",
    attribute: unsafe extern "C" fn(Object, *const c_char) -> Object = c"PyObject_GetAttrString",
    new_function: unsafe extern "C" fn(*const MethodDefinition, Object, Object) -> Object = c"PyCFunction_NewEx",
    call: unsafe extern "C" fn(Object, ...) -> Object = c"PyObject_CallFunctionObjArgs",
    release: unsafe extern "C" fn(Object) = c"Py_DecRef",
    clear_error: unsafe extern "C" fn() = c"PyErr_Clear",
}

/// Has tracing stop at the program's end. To be called with the GIL held. Should Python refuse, the process's end is left.
pub(crate) fn register() {
    let Some(python) = Functions::find() else { return };
    // SAFETY: the GIL is held; each object is checked, and those that are ours are released once.
    unsafe {
        let modules = (python.modules)();
        let was_imported = !modules.is_null() && !(python.item)(modules, c"atexit".as_ptr()).is_null();
        let atexit = (python.import)(c"atexit".as_ptr());
        if !atexit.is_null() {
            let register = (python.attribute)(atexit, c"register".as_ptr());
            let stop = (python.new_function)(&STOP, null_mut(), null_mut());
            if !register.is_null() && !stop.is_null() {
                release(&python, (python.call)(register, stop, null_mut::<c_void>()));
            }
            release(&python, stop);
            release(&python, register);
            // Until 3.9 the functions are kept in the module, so there it stays.
            if !was_imported && keeps_functions_elsewhere() {
                (python.delete_item)(modules, c"atexit".as_ptr());
            }
            release(&python, atexit);
        }
        (python.clear_error)();
    }
}

/// # Safety
/// The GIL is held, and the object is ours or null.
unsafe fn release(python: &Functions, object: Object) {
    if !object.is_null() {
        // SAFETY: as the caller promises.
        unsafe { (python.release)(object) };
    }
}

/// Whether `atexit` keeps its functions in the interpreter rather than in the module: since 3.10.
fn keeps_functions_elsewhere() -> bool {
    let Some(address) = symbol(c"Py_GetVersion") else { return false };
    // SAFETY: the function of that name has this type in all versions.
    let version = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> *const c_char>(address) }();
    if version.is_null() {
        return false;
    }
    // SAFETY: the version is a text that ends.
    let version = unsafe { CStr::from_ptr(version) };
    ![b"3.8.", b"3.9."].iter().any(|old| version.to_bytes().starts_with(*old))
}

/// Gives the GIL away once, and takes it again. While tracing stopped, a thread has likely asked for it; in CPython 3.9 the
/// main thread waits for ever for one that took it, if all have ended meanwhile because the interpreter is being finished.
fn let_others_run() {
    let (Some(save), Some(restore)) = (symbol(c"PyEval_SaveThread"), symbol(c"PyEval_RestoreThread")) else { return };
    // SAFETY: the functions of these names have these types in all versions; the GIL is held, as Python called.
    unsafe {
        let state = std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(save)();
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(restore)(state);
    }
}

extern "C" fn stop(_: Object, _: Object) -> Object {
    super::session::stop();
    let_others_run();
    let none = symbol(c"_Py_NoneStruct").unwrap_or(null_mut());
    if let Some(retain) = symbol(c"Py_IncRef").filter(|_| !none.is_null()) {
        // SAFETY: the function of that name has this type in all versions; the GIL is held, as Python calls. The reference
        // to Python's `None` is the caller's.
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Object)>(retain)(none) };
    }
    none
}
