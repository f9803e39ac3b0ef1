/* switch.S - the few instructions that C cannot say.
 *
 * context_switch saves what the calling convention calls callee-saved on the
 * stack it leaves, changes the stack pointer, and takes the same from the stack
 * it enters. The frame is laid out in switch.c. context_entry is where a
 * new stack begins: its caller is "undefined", so that backtraces end there.
 *
 * It leaves by a jump and not by a return, because the processor's stack of
 * return addresses belongs to the other fiber. A shadow stack (x86 CET, arm64
 * GCS) would do so as well and cannot follow: this file carries no GNU property
 * note, on purpose, so the linker marks no program with it as fit for one.
 */
#if defined(__ELF__) && !defined(FIBER_UCONTEXT)

#if defined(__x86_64__) && defined(__LP64__)

        .macro  save reg
        pushq   \reg
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset \reg, 0
        .endm

        .macro  restore reg
        popq    \reg
        .cfi_adjust_cfa_offset -8
        .cfi_restore \reg
        .endm

        .text
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, @function
        .p2align 4
context_switch:                         /* rdi: from, rsi: to */
        .cfi_startproc
        save    %rbp
        save    %rbx
        save    %r12
        save    %r13
        save    %r14
        save    %r15
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)

        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp

        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        restore %r15
        restore %r14
        restore %r13
        restore %r12
        restore %rbx
        restore %rbp
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        jmpq    *%rcx
        .cfi_endproc
        .size   context_switch, . - context_switch

        .globl  context_entry
        .hidden context_entry
        .type   context_entry, @function
        .p2align 4
context_entry:                          /* r12: run, r13: arg */
        .cfi_startproc
        .cfi_undefined %rip
        movq    %r13, %rdi
        xorl    %ebp, %ebp
        callq   *%r12
        ud2
        .cfi_endproc
        .size   context_entry, . - context_entry

#elif defined(__aarch64__) && defined(__LP64__)

        .macro  save a, b, at
        stp     \a, \b, [sp, #\at]
        .cfi_rel_offset \a, \at
        .cfi_rel_offset \b, \at + 8
        .endm

        .macro  restore a, b, at
        ldp     \a, \b, [sp, #\at]
        .cfi_restore \a
        .cfi_restore \b
        .endm

        .text
        .globl  context_switch
        .hidden context_switch
        .type   context_switch, %function
        .p2align 4
context_switch:                         /* x0: from, x1: to */
        .cfi_startproc
        sub     sp, sp, #176
        .cfi_def_cfa_offset 176
        save    x29, x30, 0
        save    x19, x20, 16
        save    x21, x22, 32
        save    x23, x24, 48
        save    x25, x26, 64
        save    x27, x28, 80
        save    d8, d9, 96
        save    d10, d11, 112
        save    d12, d13, 128
        save    d14, d15, 144
        mrs     x9, fpcr
        str     x9, [sp, #160]

        mov     x9, sp
        str     x9, [x0]
        ldr     x9, [x1]
        mov     sp, x9

        ldr     x9, [sp, #160]
        msr     fpcr, x9
        restore d14, d15, 144
        restore d12, d13, 128
        restore d10, d11, 112
        restore d8, d9, 96
        restore x27, x28, 80
        restore x25, x26, 64
        restore x23, x24, 48
        restore x21, x22, 32
        restore x19, x20, 16
        restore x29, x30, 0
        add     sp, sp, #176
        .cfi_def_cfa_offset 0
        br      x30
        .cfi_endproc
        .size   context_switch, . - context_switch

        .globl  context_entry
        .hidden context_entry
        .type   context_entry, %function
        .p2align 4
context_entry:                          /* x19: run, x20: arg */
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x20
        mov     x29, #0
        mov     x30, #0
        blr     x19
        brk     #0
        .cfi_endproc
        .size   context_entry, . - context_entry

#endif
#endif

#if defined(__ELF__)
        .section .note.GNU-stack, "", %progbits
#endif
