/** One fault in a request body, as Honeycomb's RFC 7807 answers list them. */
export interface FieldFault {
  readonly field: string;
  readonly code: 'invalid' | 'missing' | 'incorrect_type' | 'already_exists';
  readonly description: string;
}

/** A refusal on its way to an HTTP answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly faults: readonly FieldFault[];

  constructor(status: number, message: string, faults: readonly FieldFault[] = []) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.faults = faults;
  }

  /** Simple shape for plain errors, RFC 7807 for validation faults: both are Honeycomb's. */
  toBody(): Record<string, unknown> {
    if (this.faults.length === 0) return { error: this.message };
    return {
      status: this.status,
      type: 'https://api.honeycomb.io/problems/validation-failed',
      title: 'The provided input is invalid.',
      error: this.message,
      detail: this.message,
      type_detail: this.faults,
    };
  }
}

/** A 422 about one field. */
export function invalidField(
  field: string,
  description: string,
  code: FieldFault['code'] = 'invalid',
): ApiError {
  return new ApiError(422, `${field}: ${description}`, [{ field, code, description }]);
}
